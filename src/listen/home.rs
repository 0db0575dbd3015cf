//! `/`: the report of the published build, or what there is as long as there is none.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::{Shared, files, view};
use crate::disk;
use crate::run::status::Status;

pub(super) async fn page(State(shared): State<Arc<Shared>>) -> Response {
    let folder = match files::folder(&shared).await {
        Ok(folder) => folder,
        Err(response) => return response,
    };
    if folder.as_ref().is_some_and(|folder| disk::exists(&folder.join("report/index.html"))) {
        return Redirect::temporary("/published/report/").into_response();
    }
    let marts = folder.and_then(|folder| disk::list(&folder.join("marts")).ok()).unwrap_or_default();
    match view(&shared).await {
        Ok(view) => Html(html(&view.status, &marts)).into_response(),
        Err(response) => response,
    }
}

fn html(status: &Status, marts: &[String]) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>tejido</title>\n<h1>tejido</h1>\n<table>\n",
    );
    // Writing into a text does not fail.
    let mut add = |line: std::fmt::Arguments<'_>| _ = page.write_fmt(line);
    for pipeline in &status.pipelines {
        add(format_args!("<tr><td>{}<td>{}\n", escaped(&pipeline.pipeline), pipeline.state.name()));
    }
    add(format_args!("</table>\n<ul>\n<li><a href=\"status.json\">status</a>\n<li><a href=\"metrics\">metrics</a>\n"));
    if let Some(build) = &status.build {
        add(format_args!("<li><a href=\"published/manifest.json\">build {}</a>\n", escaped(build)));
    }
    for mart in marts {
        let mart = escaped(mart);
        add(format_args!("<li><a href=\"published/marts/{mart}\">{mart}</a>\n"));
    }
    page + "</ul>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
