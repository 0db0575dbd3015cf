//! `tejido replay`: a recorded upstream, and one that is written down.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::support::{Answer, Scene, Upstream, repository};

const PIPELINE: &str = "eurostat__isoc_eb_ai";
const BY_SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";
const SHARES: &str =
    "select share from ict_adoption where region = 'ES' and size_class = 'GE10' and time_period = '2025'";

fn by_size() -> String {
    std::fs::read_to_string(repository().join("pipelines/samples/eurostat__isoc_eb_ai/isoc_eb_ai.tsv")).unwrap()
}

/// A running `tejido replay`, and the address to set as mirror.
struct Replay {
    child: Child,
    mirror: String,
}

impl Replay {
    fn start(scene: &Scene, arguments: &[&str]) -> Self {
        let arguments = [&["replay", "--address", "127.0.0.1:0"], arguments].concat();
        let mut child = scene.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        let mut first = String::new();
        BufReader::new(child.stderr.take().unwrap()).read_line(&mut first).unwrap();
        let mirror = first.split('"').nth(1).unwrap_or_else(|| panic!("{first}")).to_owned();
        Replay { child, mirror }
    }

    /// A project that asks it in place of the sources.
    fn reader(&self) -> Scene {
        // The address of another upstream is replaced.
        let mut scene = Scene::live(&Upstream::start(), &[PIPELINE]);
        scene.set("TEJIDO__FETCH__MIRROR", &self.mirror);
        scene
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn an_archive_is_played_as_its_sources_were() {
    let upstream = Upstream::start();
    let recorded = Scene::live(&upstream, &[PIPELINE]);
    upstream.answer(BY_SIZE, Answer::ok(by_size()).gzip());
    recorded.run(0);
    upstream.answer(BY_SIZE, Answer::ok(by_size().replace("20.27", "20.5")).gzip());
    recorded.run(0);
    upstream.answer(BY_SIZE, Answer::status(404, "moved"));
    recorded.run(3);

    let replay = Replay::start(&recorded, &["--history"]);
    let scene = replay.reader();
    scene.run(0);
    assert_eq!(scene.query(SHARES), ["20.27"]);
    scene.run(0);
    assert_eq!(scene.query(SHARES), ["20.5"]);
    assert!(scene.run(3).stderr.contains("found 404: moved"));
    let listed = scene.tejido(&["archive", "show", &scene.query("select \"snapshot\" from lake.snapshots")[0]]);
    assert!(listed.stdout.contains("header     x-tejido-replayed: 20"), "{}", listed.stdout);

    // Without its history each address answers as it did last.
    let replay = Replay::start(&recorded, &[]);
    assert!(replay.reader().run(1).stderr.contains("found 404: moved"));
}

#[test]
fn a_script_is_played_as_it_is_written() {
    let scene = Scene::new();
    scene.write("table.tsv", &by_size());
    scene.write(
        "script.toml",
        &format!(
            "[[answers]]\nurl = \"https://{BY_SIZE}\"\nstatus = 503\nheaders = {{ Retry-After = \"0\" }}\n\
             [[answers]]\nurl = \"https://{BY_SIZE}\"\nfile = \"table.tsv\"\nheaders = {{ ETag = '\"7\"' }}\nranges = true\ncut_after = 1500\n\
             [[answers]]\nurl = \"https://{BY_SIZE}\"\nfile = \"table.tsv\"\nheaders = {{ ETag = '\"7\"' }}\nranges = true\n"
        ),
    );
    let replay = Replay::start(&scene, &["--script", "script.toml"]);
    let mut reader = replay.reader();
    reader.set("TEJIDO__FETCH__RETRIES", "2");
    reader.run(0);
    assert_eq!(reader.query(SHARES), ["20.27"]);

    scene.write("script.toml", "[[answers]]\nurl = \"https://x.invalid/\"\ndelay = 7\n");
    let refused = scene.tejido(&["replay", "--script", "script.toml"]);
    refused.must(2);
    assert!(refused.stderr.contains("script.toml:3:1"), "{}", refused.stderr);
}
