//! A source changes one thing about its table: what that means, and what is told, for each thing in turn.

use crate::support::{Answer, Run, Scene, Upstream, repository};

const SIZE: &str = "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_eb_ai?format=TSV&compressed=true";
const REGIONAL: &str =
    "ec.europa.eu/eurostat/api/dissemination/sdmx/2.1/data/isoc_r_eb_ain2?format=SDMX-CSV&compressed=true";
const INE: &str = "www.ine.es/jaxi/files/tpx/en/csv_bdsc";

fn sample(path: &str) -> String {
    std::fs::read_to_string(repository().join("pipelines/samples").join(path)).unwrap()
}

/// A source that has been loaded once, and what it is asked for.
struct Source {
    upstream: Upstream,
    scene: Scene,
    address: &'static str,
    text: String,
}

impl Source {
    fn new(pipeline: &str, address: &'static str, payload: &str) -> Self {
        let upstream = Upstream::start();
        let scene = Scene::live(&upstream, &[pipeline]);
        let text = sample(payload);
        upstream.answer(address, Answer::ok(text.clone()));
        scene.run(0);
        Source { upstream, scene, address, text }
    }

    fn by_size() -> Self {
        Source::new("eurostat__isoc_eb_ai", SIZE, "eurostat__isoc_eb_ai/isoc_eb_ai.tsv")
    }

    fn regional() -> Self {
        Source::new("eurostat__isoc_r_eb_ain2", REGIONAL, "eurostat__isoc_r_eb_ain2/isoc_r_eb_ain2.csv")
    }

    fn shares(&self) -> Vec<String> {
        self.scene.query("select region, sector, size_class, indicator, unit, time_period, share, flags from ict_adoption order by all")
    }

    /// The source now answers with this.
    fn drifts(&self, text: String, code: i32) -> Run {
        assert_ne!(text, self.text, "nothing has drifted");
        self.upstream.answer(self.address, Answer::ok(text));
        self.scene.run(code)
    }

    /// The source now answers with this, which is refused with these words; what was published stays.
    fn refuses(&self, text: String, words: &[&str]) {
        let before = self.shares();
        let run = self.drifts(text, 3);
        for expected in words {
            assert!(run.stderr.contains(expected), "`{expected}` is not in\n{}", run.stderr);
        }
        assert!(run.stderr.contains("hint: "), "{}", run.stderr);
        assert_eq!(self.shares(), before);
    }
}

#[test]
fn a_new_mark() {
    let source = Source::regional();
    let marked = source.text.replace(",ES13,2025,10.99,,", ",ES13,2025,10.99,x,");
    let run = source.drifts(marked, 0);
    let reason = "1 rows: a flag that is neither in flags.csv nor in `[flags]`: `x`";
    assert!(run.stdout.contains(reason), "{}", run.stdout);
    source.scene.replace("pipelines/eurostat__isoc_r_eb_ain2.toml", "[constants]", "[flags]\nx = \"u\"\n\n[constants]");
    source.scene.run(0);
    let flags = "select distinct flags from ict_adoption where region = 'ES13' and share = 10.99";
    assert_eq!(source.scene.query(flags), ["u"]);
    let codes =
        "select canonical_code from staging.stg_source_codes where dataset = 'isoc_r_eb_ain2' and source_code = 'ES13'";
    assert_eq!(source.scene.query(codes), ["ES13"]);
    // What is no flag of ours is refused before anything is asked for.
    source.scene.replace("pipelines/eurostat__isoc_r_eb_ain2.toml", "x = \"u\"", "x = \"q\"");
    let run = source.scene.run(2);
    assert!(run.stderr.contains("`x` becomes `q`, which is not in flags.csv"), "{}", run.stderr);
}

#[test]
fn a_new_dimension() {
    let source = Source::regional();
    let lines = source.text.lines().enumerate();
    let added = lines.map(|(at, line)| match (at, line.match_indices(',').nth(2)) {
        (0, Some((comma, _))) => format!("{},ageclass{}\n", &line[..comma], &line[comma..]),
        (_, Some((comma, _))) => format!("{},TOTAL{}\n", &line[..comma], &line[comma..]),
        _ => unreachable!("every line has its dimensions"),
    });
    let text = added.collect();
    source.refuses(text, &["no rule names this dimension", "there is a new dimension `ageclass`"]);
}

#[test]
fn a_dimension_that_has_gone() {
    let source = Source::by_size();
    let text = source.text.replacen("freq,size_emp,", "size_emp,", 1).replace("\nA,", "\n");
    source.refuses(text, &["the dimension `freq` is missing", "there is no longer a dimension `freq`"]);
}

#[test]
fn a_renamed_code() {
    let source = Source::by_size();
    let text = source.text.replace("E_AI_TANY,", "E_AI_TANI,");
    source.refuses(
        text,
        &["(nearest known: `E_AI_TANY`)", "`indic_is` has the new `E_AI_TANI` and no longer `E_AI_TANY`"],
    );
}

#[test]
fn a_changed_unit() {
    let source = Source::by_size();
    let text = source.text.replace(",PC_ENT,", ",PC_ENTR,");
    source.refuses(text, &["`unit` has a code that is not in units.csv", "`unit` has the new `PC_ENTR`"]);
}

#[test]
fn another_frequency() {
    let source = Source::by_size();
    let text = source.text.replace("\nA,", "\nQ,");
    source.refuses(text, &["`freq` is not the required `A`", "`freq` has the new `Q` and no longer `A`"]);
}

#[test]
fn a_changed_decimal_mark() {
    let source = Source::by_size();
    let text = source.text.replace('.', ",");
    source.refuses(text, &["isoc_eb_ai", "line 2"]);
}

#[test]
fn reordered_columns_and_rows_change_nothing() {
    let source = Source::regional();
    let before = source.shares();
    let header: Vec<&str> = source.text.lines().next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let (geo, unit) = (at("geo"), at("unit"));
    let swapped = source.text.lines().map(|line| {
        let mut fields: Vec<&str> = line.split(',').collect();
        fields.swap(geo, unit);
        format!("{}\n", fields.join(","))
    });
    let mut lines: Vec<String> = swapped.collect();
    lines[1..].reverse();
    let run = source.drifts(lines.concat(), 0);
    assert_eq!(source.shares(), before);
    assert!(run.text().contains("1 fetched again without a change"), "{}", run.stdout);
}

#[test]
fn a_new_year_is_news_and_no_drift() {
    let source = Source::by_size();
    let lines = source.text.lines().enumerate();
    let text: String =
        lines.map(|(at, line)| format!("{line}\t{}\n", if at == 0 { "2026 " } else { "1.5 " })).collect();
    let known = source.shares().len();
    source.drifts(text, 0);
    let rows = source.text.lines().count() - 1;
    assert_eq!(source.shares().len(), known + rows);
    assert_eq!(source.scene.query("select count(*) from revisions"), ["0"]);
}

#[test]
fn a_few_new_codes_are_kept_back_and_the_rest_is_published() {
    let source = Source::by_size();
    let text = format!("{}A,GE10,C10-S951_X_K,E_AI_TANY,PC_ENT,XX\t1.0 \t2.0 \t3.0 \t: \n", source.text);
    let before = source.shares();
    source.drifts(text, 0);
    assert_eq!(source.shares(), before);
    let told = source.scene.tejido(&["quarantine", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(told[0]["drift"]["change"]["codes"]["geo"]["new"], serde_json::json!(["XX"]));
    assert_eq!(told[0]["groups"][0]["rows"], 4);
}

/// The survey of the next year: another table, in which artificial intelligence is asked under another letter.
#[test]
fn a_new_edition_of_ine() {
    let upstream = Upstream::start();
    let scene = Scene::live(&upstream, &["ine__ai_by_region"]);
    for dataset in ["76405", "71040", "59913"] {
        upstream
            .answer(&format!("{INE}/{dataset}.csv"), Answer::ok(sample(&format!("ine__ai_by_region/{dataset}.csv"))));
    }
    scene.run(0);
    let text = sample("ine__ai_by_region/76405.csv");
    assert!(text.contains(";E.1 %") && text.contains(";E.1.A "));
    let moved = text.replace(";E.1", ";H.1").replace(";E.2", ";H.2");
    upstream.answer(&format!("{INE}/80001.csv"), Answer::ok(moved));
    let pipeline = "pipelines/ine__ai_by_region.toml";
    let edition = |letter: &str| {
        format!(
            "[[editions]]\ndataset = \"80001\"\nyear = \"2026\"\nquestion = \"{letter}\"\n\n[[editions]]\ndataset = \"76405\""
        )
    };
    scene.replace(pipeline, "[[editions]]\ndataset = \"76405\"", &edition("E"));
    let run = scene.run(3);
    let expected = "`Main variables` has a code that no rule knows: `H.1.";
    assert!(run.stderr.contains(expected), "{}", run.stderr);
    assert_eq!(scene.query("select max(time_period) from ict_adoption"), ["2025"]);
    // Nothing has to be fetched again once the letter is right.
    scene.replace(pipeline, &edition("E"), &edition("H"));
    scene.run(0);
    let spain = "select time_period, share from ict_adoption where region = 'ES' and sector = 'INE_TOTAL' and indicator = 'E_AI_TANY' and unit = 'PC_ENT' and time_period >= '2025' order by 1";
    assert_eq!(scene.query(spain), ["2025|21.14", "2026|21.14"]);
}
