//! Notifications: what has changed is told once, signed, also after the receiver was away.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::receiver::Sent;
use crate::support::{Answer, Receiver, Run, Scene, Service, Upstream, repository};

const PIPELINE: &str = "eurostat__isoc_eb_ai";
const BY_SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";
const KEY: &str = "a key of the tests";

fn by_size() -> String {
    std::fs::read_to_string(repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv")).unwrap()
}

/// A project with one pipeline, published once, and a webhook that has heard nothing of it.
fn published() -> (Upstream, Receiver, Scene) {
    let upstream = Upstream::start();
    let receiver = Receiver::start();
    let mut scene = Scene::live(&upstream, &[PIPELINE]);
    scene.set("TEJIDO__NOTIFY__WEBHOOK__URL", &format!("{}/hook?token=hidden", receiver.address()));
    scene.set("TEJIDO__NOTIFY__WEBHOOK__KEY", KEY);
    scene.set("TEJIDO__NOTIFY__RETRIES", "0");
    upstream.answer(BY_SIZE, Answer::ok(by_size()));
    scene.run(0);
    assert_eq!(told(&receiver), Vec::<String>::new());
    (upstream, receiver, scene)
}

/// The source answers so, and a run ends with this code.
fn run(upstream: &Upstream, scene: &Scene, answer: Answer, code: i32) -> Run {
    upstream.answer(BY_SIZE, answer);
    scene.run(code)
}

fn gone() -> Answer {
    Answer::status(404, "moved")
}

/// The names of the events that came, in order; each must be signed.
fn told(receiver: &Receiver) -> Vec<String> {
    let sent = receiver.sent();
    sent.iter().for_each(verify);
    sent.iter().map(|sent| sent.json()["event"].as_str().unwrap().to_owned()).collect()
}

/// The one event that came.
#[track_caller]
fn one(receiver: &Receiver) -> Value {
    let sent = receiver.sent();
    assert_eq!(sent.len(), 1, "{:?}", sent.iter().map(Sent::json).collect::<Vec<_>>());
    verify(&sent[0]);
    sent[0].json()
}

#[track_caller]
fn verify(sent: &Sent) {
    let timestamp = sent.header("x-tejido-timestamp");
    let age = Timestamp::now().as_second() - timestamp.parse::<i64>().unwrap();
    assert!((-5..600).contains(&age), "{age}");
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(KEY.as_bytes()).unwrap();
    mac.update(format!("{timestamp}.").as_bytes());
    mac.update(&sent.body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sent.header("x-tejido-signature"), format!("sha256={digits}"));
    assert_eq!(sent.header("x-tejido-event"), sent.json()["event"].as_str().unwrap());
    assert_eq!(sent.header("content-type"), "application/json");
}

#[test]
fn a_failure_is_told_once_and_so_is_its_end() {
    let (upstream, receiver, scene) = published();
    run(&upstream, &scene, gone(), 3);
    let event = one(&receiver);
    assert_eq!(event["event"], "failure");
    assert_eq!(event["pipeline"], PIPELINE);
    assert_eq!(event["dataset"], "isoc_eb_ai");
    assert!(event["message"].as_str().unwrap().contains("found 404: moved"), "{event}");
    assert!(event["hint"].as_str().unwrap().contains("open the address"), "{event}");
    assert_eq!((&event["reminder"], &event["build"]), (&json!(false), &scene.manifest()["build_id"]));
    // Neither by hand nor as a service is it told again.
    scene.run(3);
    let service = Service::start(&scene);
    service.says("pipelines have a timetable");
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(service.stop(), Some(0));
    assert_eq!(told(&receiver), Vec::<String>::new());

    // After a day it is, once.
    let text = scene.read("data/notified.json");
    let mut memory: Value = serde_json::from_str(&text).unwrap();
    memory["subjects"][PIPELINE]["at"] = json!(ago(25));
    scene.write("data/notified.json", &memory.to_string());
    scene.run(3);
    scene.run(3);
    let event = one(&receiver);
    assert_eq!((&event["event"], &event["reminder"]), (&json!("failure"), &json!(true)));

    run(&upstream, &scene, Answer::ok(by_size()), 0);
    let event = one(&receiver);
    assert_eq!((&event["event"], &event["pipeline"]), (&json!("recovery"), &json!(PIPELINE)));
    scene.run(0);
    assert_eq!(told(&receiver), Vec::<String>::new());
}

fn ago(hours: i64) -> String {
    (Timestamp::now() - SignedDuration::from_hours(hours)).to_string()
}

#[test]
fn a_build_that_is_refused_is_told() {
    let (upstream, receiver, mut scene) = published();
    // What was fetched for a build that was refused would be used again.
    scene.set("TEJIDO__FETCH__RESUME_SECS", "0");
    run(&upstream, &scene, Answer::ok(by_size().replace("20.27", "2027")), 1);
    let sent = receiver.sent();
    assert!(sent.iter().all(|sent| sent.path == "/hook?token=hidden"));
    let sent: Vec<Value> = sent.iter().map(Sent::json).collect();
    let refused: Vec<&Value> = sent.iter().filter(|event| event["pipeline"].is_null()).collect();
    assert_eq!(refused.len(), 1, "{sent:?}");
    assert_eq!(refused[0]["event"], "failure");
    assert!(refused[0]["message"].as_str().unwrap().contains("audit"), "{sent:?}");
    run(&upstream, &scene, Answer::ok(by_size()), 0);
    assert_eq!(told(&receiver), ["recovery"]);
}

#[test]
fn a_receiver_that_was_away_gets_what_it_missed() {
    let (upstream, receiver, scene) = published();
    receiver.answers([500]);
    let first = run(&upstream, &scene, gone(), 3);
    let id = one(&receiver)["id"].clone();
    let said = "a notification could not be delivered and is tried again: expected a status 2xx of the webhook at \
                `127.0.0.1`, found 500";
    assert!(first.stderr.contains(said), "{}", first.stderr);
    let second = scene.run(3);
    assert_eq!(one(&receiver)["id"], id);
    assert!(!second.stderr.contains("notification"), "it is said once: {}", second.stderr);
    for text in [first.text(), second.text(), scene.read("data/notified.json")] {
        assert!(!text.contains(KEY) && !text.contains("token"), "{text}");
    }

    // The source is well again, and so is the receiver: it hears of both, in order.
    receiver.answers([204]);
    run(&upstream, &scene, Answer::ok(by_size()), 0);
    assert_eq!(told(&receiver), ["failure", "recovery"]);
    scene.run(0);
    assert_eq!(told(&receiver), Vec::<String>::new());
}

#[test]
fn a_delivery_is_tried_a_few_times_and_not_for_long() {
    let (upstream, receiver, mut scene) = published();
    scene.set("TEJIDO__NOTIFY__RETRIES", "2");
    receiver.answers([503, 429, 200]);
    let run = run(&upstream, &scene, gone(), 3);
    assert_eq!(told(&receiver), ["failure"; 3]);
    assert!(!run.stderr.contains("notification"), "{}", run.stderr);
    // What the receiver does not want is not offered again and again.
    receiver.answers([400]);
    scene.tejido(&["notify", "--test"]).must(1);
    assert_eq!(told(&receiver), ["test"]);
    // One that is silent.
    scene.set("TEJIDO__NOTIFY__RETRIES", "0");
    scene.set("TEJIDO__NOTIFY__TIMEOUT_SECS", "1");
    receiver.delays(Duration::from_secs(600));
    let begun = Instant::now();
    let test = scene.tejido(&["notify", "--test"]);
    test.must(1);
    assert!(test.stderr.contains("could not be reached"), "{}", test.stderr);
    assert!(begun.elapsed() < Duration::from_secs(120));
}

#[test]
fn revisions_are_told_beyond_a_number() {
    let (upstream, receiver, mut scene) = published();
    let revised = by_size().replace("20.27", "20.5");
    let count = by_size().matches("20.27").count();
    run(&upstream, &scene, Answer::ok(revised), 0);
    assert_eq!(told(&receiver), Vec::<String>::new(), "not more than 100");
    let runs: Value = serde_json::from_str(&scene.tejido(&["runs", "--json"]).stdout).unwrap();
    assert_eq!(runs[1]["pipelines"][0]["revised"], json!({ "isoc_eb_ai": count }));
    scene.set("TEJIDO__NOTIFY__REVISED_CELLS", "0");
    scene.run(0);
    assert_eq!(told(&receiver), Vec::<String>::new(), "a run that revised nothing");
    run(&upstream, &scene, Answer::ok(by_size()), 0);
    let event = one(&receiver);
    assert_eq!((&event["event"], &event["dataset"]), (&json!("revision"), &json!("isoc_eb_ai")));
    assert_eq!(event["revised_cells"], count);
    scene.run(0);
    assert_eq!(told(&receiver), Vec::<String>::new());
}

#[test]
fn a_source_that_is_late_is_told() {
    let (_upstream, receiver, scene) = published();
    scene.replace(&format!("pipelines/{PIPELINE}.toml"), "[schedule]\n", "[schedule]\nexpected = \"every 7 days\"\n");
    scene.run(0);
    assert_eq!(told(&receiver), Vec::<String>::new());
    let aged: Vec<String> = scene
        .read("data/ledger.jsonl")
        .lines()
        .map(|line| {
            let mut run: Value = serde_json::from_str(line).unwrap();
            run["finished"] = json!(ago(24 * 30));
            run.to_string() + "\n"
        })
        .collect();
    scene.write("data/ledger.jsonl", &aged.concat());
    scene.run(0);
    let event = one(&receiver);
    assert_eq!((&event["event"], &event["pipeline"]), (&json!("late_at_source"), &json!(PIPELINE)));
    assert!(event["message"].as_str().unwrap().contains("every 7 days"), "{event}");
    scene.run(0);
    assert_eq!(told(&receiver), Vec::<String>::new());
}

#[test]
fn the_service_tells_what_is_stale() {
    let (_upstream, receiver, scene) = published();
    let service = Service::start(&scene);
    service.says("pipelines have a timetable");
    let until = Instant::now() + Duration::from_secs(60);
    while !scene.path("data/schedule.json").exists() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(service.stop(), Some(0));
    let mut memory: Value = serde_json::from_str(&scene.read("data/schedule.json")).unwrap();
    memory["pipelines"][PIPELINE]["handled"] = json!(ago(72));
    scene.write("data/schedule.json", &memory.to_string());
    // Somebody holds the lock, and does not end.
    let lock = std::fs::File::options().write(true).open(scene.path("data/.lock")).unwrap();
    lock.try_lock().unwrap();
    let service = Service::start(&scene);
    service.says("another run");
    let until = Instant::now() + Duration::from_secs(120);
    let event = loop {
        match receiver.sent().pop() {
            Some(sent) => break sent.json(),
            None if Instant::now() < until => std::thread::sleep(Duration::from_millis(100)),
            None => panic!("nothing is told"),
        }
    };
    assert_eq!((&event["event"], &event["pipeline"]), (&json!("stale"), &json!(PIPELINE)));
    drop(lock);
    service.says("nothing has changed since");
    assert_eq!(service.stop(), Some(0));
    assert_eq!(told(&receiver), ["recovery"]);
}

#[test]
fn a_program_gets_the_event() {
    let (upstream, _receiver, mut scene) = published();
    scene.set("TEJIDO__NOTIFY__WEBHOOK__URL", "");
    let script = |text: &str| {
        scene.write("told.sh", text);
        std::fs::set_permissions(scene.path("told.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let program = scene.path("told.sh");
    scene.write("config/local.toml", &format!("[notify]\ncommand = [{:?}, \"to whom\"]\ntimeout_secs = 1\n", program));
    script("#!/bin/sh\ncat > event.json\nenv > environment\necho \"$1\" > argument\n");
    run(&upstream, &scene, gone(), 3);
    let event: Value = serde_json::from_str(&scene.read("event.json")).unwrap();
    assert_eq!((&event["event"], &event["pipeline"]), (&json!("failure"), &json!(PIPELINE)));
    let environment = scene.read("environment");
    assert!(environment.contains("TEJIDO_EVENT=failure\n"), "{environment}");
    assert!(environment.contains(&format!("TEJIDO_PIPELINE={PIPELINE}\n")), "{environment}");
    assert!(!environment.contains(KEY), "keys are not handed on: {environment}");
    assert_eq!(scene.read("argument"), "to whom\n");

    script("#!/bin/sh\necho 'nobody is there' >&2\nexit 7\n");
    let test = scene.tejido(&["notify", "--test"]);
    test.must(1);
    assert!(test.stderr.contains("failed: exit status: 7: nobody is there"), "{}", test.stderr);
    script("#!/bin/sh\nexec sleep 600\n");
    let test = scene.tejido(&["notify", "--test"]);
    test.must(1);
    assert!(test.stderr.contains("took longer than 1 s and was killed"), "{}", test.stderr);
    std::fs::remove_file(scene.path("told.sh")).unwrap();
    let test = scene.tejido(&["notify", "--test"]);
    test.must(1);
    assert!(test.stderr.contains("could not start the program"), "{}", test.stderr);
}

#[test]
fn receivers_can_be_tried_out() {
    let receiver = Receiver::start();
    let mut scene = Scene::new();
    let none = scene.tejido(&["notify", "--test"]);
    none.must(2);
    assert!(none.stderr.contains("no receiver is set"), "{}", none.stderr);
    scene.set("TEJIDO__NOTIFY__WEBHOOK__URL", &receiver.address());
    let keyless = scene.tejido(&["notify", "--test"]);
    keyless.must(2);
    assert!(keyless.stderr.contains("`notify.webhook.key` has fewer than 16 characters"), "{}", keyless.stderr);
    scene.set("TEJIDO__NOTIFY__WEBHOOK__KEY", KEY);
    scene.write("config/local.toml", "[notify]\ncommand = [\"cat\"]\n");
    let test = scene.tejido(&["notify", "--test"]);
    test.must(0);
    assert_eq!(test.stdout, "webhook: delivered\ncommand: delivered\n");
    assert_eq!(told(&receiver), ["test"]);
    receiver.answers([401]);
    let test = scene.tejido(&["notify", "--test"]);
    test.must(1);
    assert_eq!(test.stdout, "webhook: FAILED\ncommand: delivered\n");
    assert!(
        test.stderr.contains("found 401") && test.stderr.contains("hint: check that the receiver has the same key")
    );
    assert!(!test.text().contains(KEY), "{}", test.text());

    scene.write("config/local.toml", "[notify]\non = [\"test\"]\n");
    let unknown = scene.tejido(&["notify", "--test"]);
    unknown.must(2);
    assert!(unknown.stderr.contains("`notify.on[0]`"), "{}", unknown.stderr);
    scene.write("config/local.toml", "[notify.webhook]\nsecret = \"x\"\n");
    scene.tejido(&["notify", "--test"]).must(2);
    scene.write("config/local.toml", "");
    scene.set("TEJIDO__NOTIFY__WEBHOOK__URL", "http://example.org/hidden");
    let open = scene.tejido(&["notify", "--test"]);
    open.must(2);
    assert!(
        open.stderr.contains("expects an address with `https`") && !open.stderr.contains("hidden"),
        "{}",
        open.stderr
    );
}

/// The code that docs/deploy/README.md gives to receivers.
#[test]
fn the_documented_receiver_verifies_what_is_sent() {
    let page = std::fs::read_to_string(repository().join("docs/deploy/README.md")).unwrap();
    let code = page.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let receiver = Receiver::start();
    let mut scene = Scene::new();
    scene.set("TEJIDO__NOTIFY__WEBHOOK__URL", &receiver.address());
    scene.set("TEJIDO__NOTIFY__WEBHOOK__KEY", KEY);
    scene.tejido(&["notify", "--test"]).must(0);
    let sent = receiver.sent().pop().unwrap();
    let headers = json!({
        "X-Tejido-Timestamp": sent.header("x-tejido-timestamp"),
        "X-Tejido-Signature": sent.header("x-tejido-signature"),
    });
    let calls = "\nimport json, pathlib, sys\n\
        headers, body = json.loads(sys.argv[1]), pathlib.Path(sys.argv[2]).read_bytes()\n\
        key = sys.argv[3].encode()\n\
        old = dict(headers, **{'X-Tejido-Timestamp': str(int(headers['X-Tejido-Timestamp']) - 1)})\n\
        print(is_genuine(key, headers, body), is_genuine(key, headers, body + b' '), is_genuine(key, old, body),\n\
              is_genuine(b'another', headers, body), is_genuine(key, headers, body, seconds=-1))\n";
    scene.write("verify.py", &format!("{code}{calls}"));
    scene.write("body", std::str::from_utf8(&sent.body).unwrap());
    let python = std::process::Command::new("python3")
        .arg(scene.path("verify.py"))
        .arg(headers.to_string())
        .arg(scene.path("body"))
        .arg(KEY)
        .output();
    let Ok(output) = python else {
        eprintln!("not checked: no python3");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(said, "True False False False False\n");
}
