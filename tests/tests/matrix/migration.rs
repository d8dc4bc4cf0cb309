//! A migration of a whole fixture, as a person types it.

use std::fmt::Write as _;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tests::answers::Answers;
use tests::fixtures::{self, Fixture};
use tests::workplace::{Config, Workplace};

use crate::arrival::Finding;
use crate::differences;

/// A fixture, and a configuration that takes it to a target.
pub struct Migration {
    workplace: Workplace,
    _fixture: Fixture,
}

impl Migration {
    /// All that is recorded of the fixture `source`, but the indices `without`, into the server at `endpoint`: nothing
    /// but their names is configured.
    pub fn new(source: &str, answers: &Answers, endpoint: &str, without: &[&str]) -> Result<Self> {
        let fixture = fixtures::unpack(source)?;
        let repository = fixture.repository(&answers.repository);
        let mut indices = String::from("indices:\n");
        // Names with a dot stay in the source; a data stream is meant by its own name.
        let named = answers.indices.keys().filter(|index| !index.starts_with('.'));
        let wanted = named.chain(answers.data_streams.keys()).filter(|index| !without.contains(&index.as_str()));
        for index in wanted {
            writeln!(indices, "  - '{index}'")?;
        }
        let config = Config { endpoint, further: &indices, ..Config::new(&repository, &answers.snapshot) };
        Ok(Self { workplace: Workplace::with(config)?, _fixture: fixture })
    }

    /// Does it; every document must be accounted for. How many became dead letters.
    pub fn run(&self) -> Result<u64> {
        let ended = self.workplace.migctl(&["run", "--approve-all", "--output", "json"])?;
        let view = ended.json()?;
        ensure!(ended.code == Some(0), "{}", why(&view));
        let indices = view["indices"].as_array().context("no indices")?;
        let adds_up = |index: &Value| index["adds_up"] == true;
        ensure!(!indices.is_empty() && indices.iter().all(adds_up), "{view:#}");
        view["dead_letters"].as_u64().context("no number of dead letters")
    }

    /// What the target refuses, asked by throw-away names.
    pub fn refused(&self) -> Result<Vec<Finding>> {
        let ended = self.workplace.migctl(&["metadata", "evaluate", "--output", "json"])?;
        let report = ended.json()?;
        let items = report["items"].as_array().with_context(|| ended.to_string())?;
        ensure!(!items.is_empty(), "{ended}");
        let refused = items.iter().filter(|item| item["outcome"] == "refused");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let finding = |item: &Value| Finding {
            of: format!("{} {}", text(&item["kind"]), text(&item["source"])),
            why: text(&item["what"]),
        };
        Ok(refused.map(finding).collect())
    }
}

/// What of `source` can't be on the server at `endpoint`.
pub fn evaluate(source: &str, answers: &Answers, endpoint: &str) -> Vec<Finding> {
    let evaluated = Migration::new(source, answers, endpoint, &[]).and_then(|migration| migration.refused());
    evaluated.unwrap_or_else(|error| vec![failed(&error)])
}

/// A migration, or a look at one, that came to nothing.
pub fn failed(error: &anyhow::Error) -> Finding {
    Finding { of: differences::FAILED.to_owned(), why: format!("{error:#}") }
}

/// Why a migration failed.
fn why(view: &Value) -> String {
    let phases = view["phases"].as_array().into_iter().flatten().chain([&view["preflight"]]);
    let failed = phases.filter(|phase| phase["status"] == "failed");
    failed.filter_map(|phase| phase["reason"].as_str()).collect::<Vec<_>>().join("\n")
}
