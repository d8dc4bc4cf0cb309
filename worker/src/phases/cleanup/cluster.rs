//! What cleanup puts on the target besides the settings of indices: policies, which act on what is loaded, and what the
//! templates of data streams were without as long as they could have processed documents or ended their generation.

use metadata::{Kind, request};
use protocol::checkpoint::Verdict;
use reqwest::Method;
use serde_json::{Map, Value};
use target::Cluster;

use crate::context::Migration;
use crate::failure::TaskError;
use crate::metadata::judge::{self, Refused};
use crate::metadata::mark;
use crate::metadata::report::Outcome;
use crate::metadata::survey::Survey;
use crate::metadata::translation::server_of;

/// Puts it on; what was done, and what could not be.
///
/// # Errors
/// The target doesn't answer, or doesn't let us; the repository's.
pub(super) async fn run(migration: &Migration, cluster: &Cluster) -> Result<Vec<String>, TaskError> {
    let target = server_of(&cluster.info().await?);
    let snapshot = match migration.snapshot().await {
        Ok(snapshot) => snapshot,
        // Another try may find that the first one has deleted it; all that it says was put on by then.
        Err(TaskError::Failed { verdict, reason }) if verdict != Verdict::Retry => {
            return Ok(vec![format!("policies and templates are not looked at: {reason}")]);
        }
        Err(error) => return Err(error),
    };
    // It begins with whatever an evaluation left that was killed.
    let survey = Survey::new(migration.name.as_str(), &migration.spec.metadata, &snapshot, cluster).await?;
    let mut notes = Vec::new();
    if survey.has(Kind::Policy) {
        for other in survey.others(&[Kind::Policy]).await?.all {
            let Some(mut item) = other.item else {
                if other.report.outcome == Outcome::Refused {
                    notes.push(format!("policy {} is not put on: {}", other.report.source, other.report.what));
                }
                continue;
            };
            let path = judge::path(Kind::Policy, target, &item.name)?;
            notes.push(match judge::put(cluster, &mut item, &path, request::body).await? {
                Ok(()) => format!("policy {} put on", item.name),
                Err(Refused(reason)) => format!("policy {} is not put on: {reason}", item.name),
            });
        }
    }
    for name in survey.templates_of_streams() {
        if complete(migration, cluster, &judge::path(Kind::IndexTemplate, target, name)?, &survey, name).await? {
            notes.push(format!("index template {name}: complete now"));
        }
    }
    survey.end().await?;
    Ok(notes)
}

/// Completes a template that metadata made, and takes our mark out of it; `false`: it isn't such a one.
async fn complete(
    migration: &Migration,
    cluster: &Cluster,
    path: &str,
    survey: &Survey<'_>,
    name: &str,
) -> Result<bool, TaskError> {
    let target = survey.target();
    let Some(found) = judge::fetch(cluster, Kind::IndexTemplate, target, name).await? else { return Ok(false) };
    let Some(made) = mark::made_by(&found, migration.name.as_str()) else { return Ok(false) };
    let mut body = mark::without(&found);
    if let (Some(body), false) = (body.as_object_mut(), made.withheld.is_empty()) {
        let template = body.entry("template").or_insert_with(|| Map::new().into());
        let settings =
            template.as_object_mut().map(|template| template.entry("settings").or_insert_with(|| Map::new().into()));
        if let Some(Value::Object(settings)) = settings {
            settings.extend(made.withheld.into_iter().map(|(name, value)| (name, value.into())));
        }
    }
    let answer = cluster.request(Method::PUT, path, Some(&body)).await?;
    cluster.success(&format!("complete index template {name}"), answer)?;
    Ok(true)
}
