//! A program of the operator's that is given the event.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Event, NotifyError};
use crate::spec::NotifySettings;

pub(super) struct Program {
    program: String,
    arguments: Vec<String>,
    seconds: u64,
}

impl Program {
    pub(super) fn new(settings: &NotifySettings) -> Option<Self> {
        let (program, arguments) = settings.command.split_first()?;
        Some(Program { program: program.clone(), arguments: arguments.to_vec(), seconds: settings.timeout_secs })
    }

    pub(super) async fn send(&self, event: &Event, body: &[u8]) -> Result<(), NotifyError> {
        let program = || self.program.clone();
        let start = |source| NotifyError::Start { program: program(), source };
        let mut command = Command::new(&self.program);
        // Settings in the environment may be keys.
        for (name, _) in std::env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"TEJIDO__") {
                command.env_remove(name);
            }
        }
        command
            .args(&self.arguments)
            .env("TEJIDO_EVENT", event.kind.name())
            .env("TEJIDO_PIPELINE", event.pipeline.as_deref().unwrap_or_default())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(start)?;
        let stdin = child.stdin.take();
        let done = async {
            if let Some(mut stdin) = stdin {
                // A program may not want to know.
                let _ = stdin.write_all(body).await;
            }
            child.wait_with_output().await
        };
        let Ok(output) = tokio::time::timeout(Duration::from_secs(self.seconds), done).await else {
            return Err(NotifyError::Slow { program: program(), seconds: self.seconds });
        };
        let output = output.map_err(start)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().lines().last().map(|line| format!(": {line}")).unwrap_or_default();
        Err(NotifyError::Failed { program: program(), status: output.status, said })
    }
}
