//! `tejido check`, `tejido models`, `tejido test` and `tejido plan`

use clap::{Args, ValueEnum};

use super::summary::grouped;
use super::{Shared, failed_run, json, say, show, table, tell};
use crate::error::{Exit, Report};
use crate::run::models::{ListedModel, models, test};
use crate::run::plan::{RunPlan, plan};
use crate::warehouse::{Action, Standing, TestReport, spark};

/// Arguments of `tejido models`.
#[derive(Debug, Args)]
pub(super) struct ModelsArguments {
    /// Only these: `NAME`, `layer:marts`, `changed`; `+` before it adds what it reads, behind it what reads it
    #[arg(long, value_name = "SELECTOR")]
    select: Vec<String>,
    /// Draw what reads what
    #[arg(long, value_enum, value_name = "HOW", num_args = 0..=1, default_missing_value = "text")]
    graph: Option<Graph>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Graph {
    /// An indented list, marts first
    Text,
    /// Mermaid, which many viewers of Markdown draw
    Mermaid,
}

/// Arguments of `tejido check`.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Whether the models also mean the same on this engine
    #[arg(long, value_enum, value_name = "ENGINE", default_value = "duckdb")]
    engine: Engine,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// The one that `tejido run` uses
    Duckdb,
    /// Apache Spark 4
    Spark,
}

/// Arguments of `tejido test`.
#[derive(Debug, Args)]
pub(super) struct TestArguments {
    /// Of these models only, with the selectors of `tejido models`
    #[arg(value_name = "MODEL")]
    models: Vec<String>,
    /// Write what the models give as what is expected
    #[arg(long)]
    update: bool,
}

/// Arguments of `tejido plan`.
#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    /// The pipelines whose sources would be asked; all when none is named
    #[arg(value_name = "PIPELINE")]
    pipelines: Vec<String>,
}

pub(super) fn check(shared: &Shared, arguments: &CheckArguments) -> Exit {
    // To load it is to check it.
    let project = match shared.load() {
        Ok(project) => project,
        Err(error) => return failed_run(&error),
    };
    let refusals = match arguments.engine {
        Engine::Duckdb => Vec::new(),
        Engine::Spark => spark::refusals(&project.models),
    };
    for refusal in &refusals {
        say(&Report::new(refusal).to_string());
    }
    if !refusals.is_empty() {
        return Exit::Usage;
    }
    let on = if arguments.engine == Engine::Spark { "; Spark takes all of them" } else { "" };
    tell(&format!("{} pipelines and {} models are right{on}", project.pipelines.all.len(), project.models.all.len()));
    Exit::Done
}

pub(super) fn list(shared: &Shared, arguments: &ModelsArguments) -> Exit {
    // `--json` is an option of every verb and may stand before this one, where clap does not see that the two are together.
    if shared.json && arguments.graph.is_some() {
        say(
            "error: the argument '--graph' cannot be used with '--json'\nhint: `models --json` has `reads` and `reads_lake`, from which a graph is drawn",
        );
        return Exit::Usage;
    }
    let listed = match shared.load().and_then(|project| models(&project, &arguments.select)) {
        Ok(listed) => listed,
        Err(error) => return failed_run(&error),
    };
    match arguments.graph {
        _ if shared.json => json(&listed),
        Some(Graph::Text) => tree(&listed),
        Some(Graph::Mermaid) => mermaid(&listed),
        None => {
            let mut rows = table(&["layer", "model", "rows", "audits", "grain", ""]);
            for model in &listed {
                rows.add_row([
                    model.layer.to_owned(),
                    model.name.clone(),
                    model.rows.map(grouped).unwrap_or_default(),
                    model.audits.to_string(),
                    model.grain.join(", "),
                    standing(model.standing).to_owned(),
                ]);
            }
            show(&rows);
        }
    }
    Exit::Done
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Published => "",
        Standing::Changed => "CHANGED since the published build",
        Standing::New => "NEW",
    }
}

/// Each model that none of the others reads, with what it reads below it. What was drawn already is only named.
fn tree(listed: &[ListedModel]) {
    let is_read = |name: &str| listed.iter().any(|other| other.reads.iter().any(|read| read == name));
    let mut drawn = Vec::new();
    for model in listed.iter().filter(|model| !is_read(&model.name)) {
        tell(&model.name);
        branches(listed, model, "", &mut drawn);
    }
}

fn branches<'m>(listed: &'m [ListedModel], model: &'m ListedModel, indent: &str, drawn: &mut Vec<&'m str>) {
    let lake = model.reads_lake.iter().map(|name| format!("lake.{name}"));
    let reads: Vec<String> = model.reads.iter().cloned().chain(lake).collect();
    for (at, name) in reads.iter().enumerate() {
        let (branch, below) = if at + 1 == reads.len() { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        let known = listed.iter().find(|other| other.name == *name);
        let is_drawn = drawn.contains(&name.as_str());
        tell(&format!("{indent}{branch}{name}{}", if is_drawn && known.is_some() { " …" } else { "" }));
        if let Some(other) = known.filter(|_| !is_drawn) {
            drawn.push(&other.name);
            branches(listed, other, &format!("{indent}{below}"), drawn);
        }
    }
}

fn mermaid(listed: &[ListedModel]) {
    tell("flowchart LR");
    for layer in ["staging", "intermediate", "marts"] {
        let of: Vec<&ListedModel> = listed.iter().filter(|model| model.layer == layer).collect();
        if !of.is_empty() {
            tell(&format!("    subgraph {layer}"));
            of.iter().for_each(|model| tell(&format!("        {}", model.name)));
            tell("    end");
        }
    }
    for model in listed {
        for read in &model.reads {
            tell(&format!("    {read} --> {}", model.name));
        }
        for read in &model.reads_lake {
            tell(&format!("    lake.{read}[(lake.{read})] --> {}", model.name));
        }
    }
}

pub(super) fn tests(shared: &Shared, arguments: &TestArguments) -> Exit {
    let report = match shared.load().and_then(|project| test(&project, &arguments.models, arguments.update)) {
        Ok(report) => report,
        Err(error) => return failed_run(&error),
    };
    let failed = report.cases.iter().filter(|case| !case.passed()).count();
    match shared.json {
        true => json(&report),
        false if arguments.update => tell_updates(&report, failed),
        false => tell_tests(&report, failed),
    }
    if failed == 0 || arguments.update {
        return Exit::Done;
    }
    say(
        "hint: correct the model or, if its rows are right, `tejido test --update` writes them down as what is expected",
    );
    Exit::Failed
}

/// What `--update` has written: a case that did not pass has what the model gives as what is expected, and has not failed.
fn tell_updates(report: &TestReport, changed: usize) {
    for case in &report.cases {
        tell(&format!("{} {}: {}", if case.passed() { "passed " } else { "updated" }, case.model, case.case));
    }
    report.updated.iter().for_each(|file| tell(&format!("updated {}", file.display())));
    tell_untested(report);
    tell(&format!("{} cases, {changed} updated; look at the difference before it is kept", report.cases.len()));
}

fn tell_untested(report: &TestReport) {
    if !report.untested.is_empty() {
        tell(&format!("without tests: {}", report.untested.join(", ")));
    }
}

fn tell_tests(report: &TestReport, failed: usize) {
    for case in &report.cases {
        tell(&format!("{} {}: {}", if case.passed() { "passed" } else { "FAILED" }, case.model, case.case));
        if !case.passed() {
            tell(&format!("           {}", case.header));
            case.missing.iter().for_each(|row| tell(&format!("  expected {row}")));
            case.unexpected.iter().for_each(|row| tell(&format!("  found    {row}")));
        }
    }
    tell_untested(report);
    tell(&format!("{} cases, {failed} failed", report.cases.len()));
}

pub(super) fn planned(shared: &Shared, arguments: &PlanArguments) -> Exit {
    let planned = match shared.load().and_then(|project| plan(project, &arguments.pipelines)) {
        Ok(planned) => planned,
        Err(error) => return failed_run(&error),
    };
    match shared.json {
        true => json(&planned),
        false => tell_plan(&planned),
    }
    Exit::Done
}

fn tell_plan(plan: &RunPlan) {
    let mut rows = table(&["ask", "table", "newest (UTC)", "how"]);
    for edition in plan.editions.iter().filter(|edition| edition.ask.is_some()) {
        let newest = edition.newest.map(|at| at.strftime("%F %H:%M").to_string());
        let newest = newest.unwrap_or_else(|| "none".into());
        rows.add_row([edition.pipeline.clone(), edition.dataset.clone(), newest, edition.how.clone()]);
    }
    show(&rows);
    tell("");
    let decoded: Vec<_> = plan.editions.iter().filter(|edition| !edition.decode.is_empty()).collect();
    if decoded.is_empty() {
        tell("decode   nothing that is in the archive");
    }
    for edition in decoded {
        for snapshot in &edition.decode {
            let at = snapshot.fetched_at.strftime("%F %H:%M UTC");
            tell(&format!("decode   {} of {at}: {}", edition.dataset, snapshot.why));
        }
    }
    for edition in &plan.editions {
        edition.refused.iter().for_each(|why| tell(&format!("leave    a snapshot of {}: {why}", edition.dataset)));
    }
    let of = |action: Action| plan.models.iter().filter(move |model| model.action == action);
    of(Action::Run).for_each(|model| tell(&format!("run      {}: {}", model.model, model.why)));
    of(Action::RunIfChanged)
        .for_each(|model| tell(&format!("run      {}, if anything changes there: {}", model.model, model.why)));
    match of(Action::Reuse).count() {
        0 => {}
        reused => tell(&format!("keep     {reused} models, since nothing that they read has changed")),
    }
    tell(&format!("publish  {}", plan.outcome));
}
