//! The service: it runs what is due, is told things by signals, and never runs beside another run.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Answer, Scene, Service, Upstream, quiet};

#[test]
fn it_loads_what_is_new_and_then_waits_for_the_timetable() {
    let scene = quiet();
    let before = scene.tejido(&["status"]);
    before.must(1);
    assert!(before.stdout.contains("never loaded"), "{}", before.stdout);

    let service = Service::start(&scene);
    let due = service.says("due: ");
    assert!(due.contains("clusters__tera (for the first time)") && due.contains("ine__ai_by_region"), "{due}");
    service.says("published 20");
    assert_eq!(scene.list("data/builds").len(), 1, "all of them make one build");

    let status = scene.tejido(&["status", "--json"]);
    status.must(0);
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    for pipeline in status["pipelines"].as_array().unwrap() {
        assert_eq!(pipeline["state"], "fresh", "{pipeline}");
        assert!(pipeline["next_run"].is_string() && pipeline["last_success"].is_string(), "{pipeline}");
    }

    // A broken file keeps the old set and says so; a good one is taken.
    scene.replace("pipelines/clusters__tera.toml", "0 4 29 2 *", "0 4 29 2");
    service.signal("-HUP");
    let refused = service.says("was not read again");
    assert!(refused.contains("the old one stays"), "{refused}");
    scene.replace("pipelines/clusters__tera.toml", "0 4 29 2", "0 5 29 2 *");
    service.signal("-HUP");
    service.says("read again: 5 pipelines have a timetable");
    assert_eq!(service.stop(), Some(0));
    assert_eq!(scene.list("data/builds").len(), 1);

    // What is known is not new: a second start runs nothing, and says when it will.
    let service = Service::start(&scene);
    service.says("the next run is due at 20");
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(service.stop(), Some(0));
    let runs = scene.tejido(&["runs", "--json"]);
    let runs: serde_json::Value = serde_json::from_str(&runs.stdout).unwrap();
    assert_eq!(runs.as_array().unwrap().len(), 1);
}

const PIPELINE: &str = "eurostat__isoc_eb_ai";
const BY_SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";

fn by_size() -> Vec<u8> {
    std::fs::read(crate::support::repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv")).unwrap()
}

#[test]
fn it_waits_for_a_run_by_hand_and_stops_in_the_middle_of_its_own() {
    let upstream = Upstream::start();
    let mut scene = Scene::live(&upstream, &[PIPELINE]);
    scene.set("TEJIDO__SCHEDULE__STOP_SECS", "1");
    upstream.answer(BY_SIZE, Answer::ok(by_size()).delay(Duration::from_secs(8)));
    let mut by_hand = scene.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !scene.path("data/.lock").exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let service = Service::start(&scene);
    service.says("another run");
    assert!(by_hand.wait().unwrap().success());
    service.says("nothing has changed since 20");
    assert_eq!(service.stop(), Some(0));

    // Stopped in the middle of a run, it ends within its time, and the next run is whole.
    std::fs::remove_file(scene.path("data/schedule.json")).unwrap();
    std::fs::remove_dir_all(scene.path(&format!("data/archive/{PIPELINE}"))).unwrap();
    upstream.answer(BY_SIZE, Answer::ok(by_size()).delay(Duration::from_secs(600)));
    let service = Service::start(&scene);
    service.says("due: ");
    let stopped = Instant::now();
    assert_eq!(service.stop(), Some(0));
    assert!(stopped.elapsed() < Duration::from_secs(60));
    upstream.answer(BY_SIZE, Answer::ok(by_size()));
    scene.run(0);
}

#[test]
fn a_failing_pipeline_is_told_by_status_and_runs() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &[PIPELINE]);
    upstream.answer(BY_SIZE, Answer::ok(by_size()));
    scene.run(0);
    upstream.answer(BY_SIZE, Answer::status(404, "moved"));
    scene.run(3);
    let status = scene.tejido(&["status"]);
    status.must(1);
    assert!(status.stdout.contains("FAILING"), "{}", status.text());
    assert!(status.stderr.contains("found 404: moved") && status.stderr.contains("hint: open the address"));
    let listed = scene.tejido(&["runs"]);
    listed.must(0);
    let newest = listed.stdout.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let shown = scene.tejido(&["runs", &newest]);
    shown.must(0);
    assert!(shown.stdout.contains("exit       3") && shown.stdout.contains("792"), "{}", shown.text());
    scene.tejido(&["runs", "1999"]).must(2);
}

/// A source whose table is asked for every minute.
fn every_minute() -> (Upstream, Scene) {
    let upstream = Upstream::start();
    let mut scene = Scene::live(&upstream, &[PIPELINE]);
    scene.set("TEJIDO__SCHEDULE__JITTER_SECS", "0");
    scene.set("TEJIDO__FETCH__REQUESTS_PER_SECOND", "0");
    let path = format!("pipelines/{PIPELINE}.toml");
    let text = scene.read(&path);
    let cron = text.lines().find(|line| line.starts_with("cron = ")).unwrap().to_owned();
    scene.replace(&path, &cron, "cron = \"* * * * *\"");
    upstream.answer(BY_SIZE, Answer::ok(by_size()));
    (upstream, scene)
}

#[test]
fn a_rehearsal_runs_an_hour_in_a_minute_and_remembers_nothing() {
    let (_upstream, scene) = every_minute();
    let service = Service::start_with(&scene, &["schedule", "--rehearse", "600"]);
    service.says("a rehearsal: time runs 600 times faster");
    service.says("(for the first time)");
    service.says("published 20");
    for _ in 0..3 {
        service.says("due: eurostat__isoc_eb_ai");
        service.says("nothing has changed since 20");
    }
    assert_eq!(service.stop(), Some(0));
    assert!(!scene.path("data/schedule.json").exists());
}

/// `TEJIDO_SOAK_SECS=600 cargo test --release --test it soak -- --ignored --nocapture`: a minute of the timetable passes in
/// a second, half of the runs bring something new, one in ten fails.
#[test]
#[ignore = "takes minutes"]
fn soak() {
    let seconds: u64 = std::env::var("TEJIDO_SOAK_SECS").map_or(120, |text| text.parse().unwrap());
    let (upstream, scene) = every_minute();
    let service = Service::start_with(&scene, &["schedule", "--rehearse", "60"]);
    service.says("published 20");
    let text = String::from_utf8(by_size()).unwrap();
    let mut sizes = Vec::new();
    for second in 0..seconds {
        let answer = match second % 20 {
            7 | 17 => Answer::status(404, &format!("gone {second}")),
            _ => Answer::ok(text.replace("20.27", &format!("20.{}", 11 + second / 2 % 80))),
        };
        upstream.answer(BY_SIZE, answer);
        std::thread::sleep(Duration::from_secs(1));
        sizes.push(service.size());
    }
    let median = |part: &[(u64, u64)], of: fn(&(u64, u64)) -> u64| {
        let mut values: Vec<u64> = part.iter().map(of).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    let fifth = sizes.len() / 5;
    let (early, late) = (&sizes[fifth..2 * fifth], &sizes[4 * fifth..]);
    let memory = [median(early, |size| size.0), median(late, |size| size.0)];
    let files = [median(early, |size| size.1), median(late, |size| size.1)];
    assert_eq!(service.stop(), Some(0));
    let runs: serde_json::Value =
        serde_json::from_str(&scene.tejido(&["runs", "--json", "--last", "1000000"]).stdout).unwrap();
    let runs = runs.as_array().unwrap();
    let count = |exit: u64| runs.iter().filter(|run| run["exit"] == exit).count();
    eprintln!(
        "{} runs ({} done, {} failed in part), {} published; memory {memory:?} KiB, open files {files:?}",
        runs.len(),
        count(0),
        count(3),
        runs.iter().filter(|run| run["published"] == true).count(),
    );
    assert!(runs.len() as u64 > seconds / 3, "{} runs in {seconds} seconds", runs.len());
    assert!(count(0) + count(3) == runs.len() && count(3) > 0);
    assert!(memory[1] < memory[0] + memory[0] / 10 + 8192, "memory grows: {memory:?}");
    assert!(files[1] <= files[0] + 2, "files stay open: {files:?}");
}
