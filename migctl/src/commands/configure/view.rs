//! `migctl configure view`: what holds, defaults included, and whether the secrets are to be had here.

use std::path::Path;

use anyhow::Context;
use protocol::phase::Phase;
use protocol::spec::{AuthSpec, ClusterSpec, SecretRef, Spec};
use serde::Serialize;
use serde_json::{Map, Value};

use super::print;
use crate::cli::Output;
use crate::commands::invalid;
use crate::config::{self, yaml};
use crate::exit::Exit;

/// A secret that the configuration names.
#[derive(Debug, Serialize)]
struct Secret {
    /// Its field.
    field: String,
    /// The place that the field names.
    reference: SecretRef,
    /// Whether it can be read here.
    resolves: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Prints the configuration as it takes effect. No secret is shown: only where it is, and whether it is there.
///
/// # Errors
/// The configuration is not valid.
pub async fn view(file: &Path, output: Output) -> anyhow::Result<Exit> {
    let spec = config::load(file).map_err(invalid)?;
    for warning in config::warnings(&spec) {
        eprintln!("{warning}");
    }
    let configuration = effective(&spec)?;
    let mut secrets = Vec::new();
    for (field, reference) in references(&spec) {
        let read = worker::connect::secret(reference, &field).await;
        let reason = read.err().map(|error| error.to_string());
        secrets.push(Secret { field, reference: reference.clone(), resolves: reason.is_none(), reason });
    }
    match output {
        Output::Json => {
            let view = serde_json::json!({"configuration": configuration, "secrets": secrets});
            print(&format!("{}\n", serde_json::to_string_pretty(&view).context("write JSON")?))
        }
        Output::Text => {
            let mut text = yaml::block(&configuration);
            if !secrets.is_empty() {
                text.push_str("\n# Secrets, looked for on this machine; workers read them where they run.\n");
            }
            for secret in &secrets {
                let reference = serde_json::to_value(&secret.reference).context("write JSON")?;
                let reference = yaml::inline(&reference);
                match &secret.reason {
                    None => text.push_str(&format!("# {}: {reference}: there\n", secret.field)),
                    Some(reason) => text.push_str(&format!("# {}: {reference}: NOT THERE: {reason}\n", secret.field)),
                }
            }
            print(&text)
        }
    }
}

/// Everything that holds; what is absent and has no default is left out.
fn effective(spec: &Spec) -> anyhow::Result<Map<String, Value>> {
    let mut spec = spec.clone();
    for phase in Phase::ALL {
        spec.gates.insert(phase, spec.gate(phase));
    }
    match without_nulls(serde_json::to_value(&spec).context("write JSON")?) {
        Value::Object(fields) => Ok(fields),
        other => anyhow::bail!("a configuration is no {other}"),
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            let kept = kept.map(|(name, value)| (name, without_nulls(value)));
            // A section of which nothing is said.
            Value::Object(kept.filter(|(_, value)| value.as_object().is_none_or(|inner| !inner.is_empty())).collect())
        }
        other => other,
    }
}

/// The secrets that are named, by their fields.
fn references(spec: &Spec) -> Vec<(String, &SecretRef)> {
    let clusters = [("source", spec.source.as_ref()), ("target", Some(&spec.target))];
    clusters
        .into_iter()
        .filter_map(|(at, cluster)| Some((at, cluster?)))
        .flat_map(|(at, cluster)| of(cluster, at))
        .collect()
}

fn of<'a>(cluster: &'a ClusterSpec, at: &str) -> Vec<(String, &'a SecretRef)> {
    let auth = cluster.auth.as_ref().and_then(|auth| match auth {
        AuthSpec::Basic { password, .. } => Some((format!("{at}.auth.basic.password"), password)),
        AuthSpec::Bearer { token } => Some((format!("{at}.auth.bearer.token"), token)),
        AuthSpec::ApiKey { key } => Some((format!("{at}.auth.apiKey.key"), key)),
        AuthSpec::Sigv4 { .. } => None,
    });
    let key = cluster.tls.client_key.as_ref().map(|key| (format!("{at}.tls.clientKey"), key));
    auth.into_iter().chain(key).collect()
}
