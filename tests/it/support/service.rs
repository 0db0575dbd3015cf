//! A running `tejido schedule`.

use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::Scene;

/// A running service and the lines that it says.
pub struct Service {
    child: Child,
    lines: Receiver<String>,
}

impl Service {
    pub fn start(scene: &Scene) -> Self {
        Self::start_with(scene, &["schedule"])
    }

    pub fn start_with(scene: &Scene, arguments: &[&str]) -> Self {
        let mut child = scene.command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr: ChildStderr = child.stderr.take().unwrap();
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // A test that is done hears nothing more.
                let _ = sender.send(line);
            }
        });
        Service { child, lines }
    }

    /// Waits for a line with this in it.
    #[track_caller]
    pub fn says(&self, expected: &str) -> String {
        let mut heard = Vec::new();
        let until = Instant::now() + Duration::from_secs(120);
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if line.contains(expected) {
                return line;
            }
            heard.push(line);
        }
        panic!("`{expected}` was not said:\n{}", heard.join("\n"));
    }

    /// Resident memory in kibibytes, and open files.
    pub fn size(&self) -> (u64, u64) {
        let proc = format!("/proc/{}", self.child.id());
        let status = std::fs::read_to_string(format!("{proc}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kibibytes = resident.trim().trim_end_matches(" kB").parse().unwrap();
        (kibibytes, std::fs::read_dir(format!("{proc}/fd")).unwrap().count() as u64)
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    /// Where its listener answers.
    #[track_caller]
    pub fn address(&self) -> String {
        self.says("listening on http://").split_once("http://").unwrap().1.to_owned()
    }

    /// The exit code after SIGTERM.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }
}

/// Not to be outlived by a test that fails.
impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

/// A project whose timetables are not due while a test runs, whenever that is.
pub fn quiet() -> Scene {
    let scene = Scene::new();
    for name in scene.list("pipelines").iter().filter(|name| name.ends_with(".toml")) {
        let path = format!("pipelines/{name}");
        let lines: Vec<String> = scene
            .read(&path)
            .lines()
            .map(|line| match line.starts_with("cron = ") {
                true => "cron = \"0 4 29 2 *\"".to_owned(),
                false => line.to_owned(),
            })
            .collect();
        scene.write(&path, &lines.join("\n"));
    }
    scene
}
