//! A server of S3 on loopback, over a folder, that can be made to fail as real ones do.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 500, without having done anything.
    Error,
    /// 503 `SlowDown`, without having done anything.
    SlowDown,
    /// It is done, and the answer is lost: 500.
    LostAnswer,
    /// It is done once the test says so ([`Bucket::release`]).
    Held,
    /// 403.
    Forbidden,
}

/// Which requests it happens to.
type Rule = Box<dyn Fn(usize, &str, &str) -> Option<Fault> + Send>;

/// A running server with one bucket, `tejido`.
pub struct Bucket {
    folder: tempfile::TempDir,
    address: String,
    rule: Arc<Mutex<Rule>>,
    asked: Arc<AtomicUsize>,
    failed: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    released: Arc<AtomicBool>,
}

impl Bucket {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tejido")).unwrap();
        let rule: Arc<Mutex<Rule>> = Arc::new(Mutex::new(Box::new(|_, _, _| None)));
        let (asked, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let files = s3s_fs::FileSystem::new(folder.path()).unwrap();
        let mut builder = s3s::service::S3ServiceBuilder::new(files);
        builder.set_auth(s3s::auth::SimpleAuth::from_single("key", "secret"));
        let service = builder.build();
        let (sender, receiver) = std::sync::mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let released = Arc::new(AtomicBool::new(false));
        let state = (rule.clone(), asked.clone(), failed.clone(), stop.clone(), released.clone());
        std::thread::spawn(move || {
            let (rule, asked, failed, stop, released) = state;
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                sender.send(listener.local_addr().unwrap()).unwrap();
                let answer = move |request: Request| {
                    let service = service.clone();
                    let at = asked.fetch_add(1, Ordering::Relaxed);
                    let fault = rule.lock().unwrap()(at, request.method().as_str(), request.uri().path());
                    failed.fetch_add(usize::from(fault.is_some()), Ordering::Relaxed);
                    let released = released.clone();
                    async move {
                        // As real servers do: a body that nobody reads breaks the connection.
                        let (head, body) = request.into_parts();
                        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                        let request = Request::from_parts(head, Body::from(body));
                        match fault {
                            Some(Fault::Error) => return failure(500, "InternalError"),
                            Some(Fault::SlowDown) => return failure(503, "SlowDown"),
                            Some(Fault::Forbidden) => return failure(403, "AccessDenied"),
                            Some(Fault::Held) => {
                                while !released.load(Ordering::SeqCst) {
                                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                                }
                            }
                            Some(Fault::LostAnswer) | None => {}
                        }
                        let response = service.call(request.map(s3s::Body::http_body_unsync)).await.unwrap();
                        match fault {
                            Some(Fault::LostAnswer) => failure(500, "InternalError"),
                            _ => response.map(Body::new),
                        }
                    }
                };
                let app = axum::Router::new().fallback(answer);
                let stopped = async move {
                    while !stop.load(Ordering::Relaxed) {
                        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                    }
                };
                axum::serve(listener, app).with_graceful_shutdown(stopped).await.unwrap();
            });
        });
        let address = format!("http://{}", receiver.recv().unwrap());
        Bucket { folder, address, rule, asked, failed, stop, released }
    }

    /// From now on this decides what happens, by the number of the request, its method and its path.
    pub fn when(&self, rule: impl Fn(usize, &str, &str) -> Option<Fault> + Send + 'static) {
        *self.rule.lock().unwrap() = Box::new(rule);
    }

    /// Lets requests go on that are held.
    pub fn release(&self) {
        self.released.store(true, Ordering::SeqCst);
    }

    /// Requests so far, and how many of them failed.
    pub fn counts(&self) -> (usize, usize) {
        (self.asked.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed))
    }

    /// Settings with which a run uses it.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("TEJIDO__STORAGE__ROOT", "s3://tejido/shared/root".to_owned()),
            ("AWS_ENDPOINT", self.address.clone()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "eu-west-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
        ]
    }

    /// Where an object's bytes are.
    pub fn path(&self, place: &str) -> PathBuf {
        self.folder.path().join("tejido/shared/root").join(place)
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn failure(status: u16, code: &str) -> Response {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as the test wants</Message></Error>");
    (axum::http::StatusCode::from_u16(status).unwrap(), body).into_response()
}
