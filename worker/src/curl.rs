//! A person's own request to the source or the target, where only a worker has the secrets or the way.
//!
//! In: the number of a request on the bus. Out: its answer beside it; whoever asked takes both away.
//! Holds: a request whose person has gone is not sent.

use protocol::bus;
use protocol::names::{self, Bucket};
use protocol::state::{CurlAnswer, CurlRequest, Side};
use target::{Answer, Cluster, Method, TargetError};

use crate::context::{Context, Migration};
use crate::failure::{TaskError, chain};
use crate::{connect, source};

/// Bytes of an answer that travel over the bus; one of its values holds a mebibyte.
const BODY_MAX: usize = 900 << 10;

/// Sends the request with this number and stores the answer.
///
/// # Errors
/// The bus's; whatever the cluster says is an answer.
pub async fn run(context: &Context, migration: &Migration, nonce: u32) -> Result<(), TaskError> {
    let key = names::curl(&migration.name, nonce);
    let Some((request, _)) = bus::read::<CurlRequest>(&*context.bus, Bucket::Migrations, &key).await? else {
        return Ok(());
    };
    let outcome = match cluster(migration, request.side).await {
        Ok(cluster) => send(&cluster, &request).await.map_err(|error| chain(&error)),
        Err(error) => Err(chain(&error)),
    };
    let key = names::curl_answer(&migration.name, nonce);
    let answer = match outcome {
        Ok(Answer { status, mut body }) => {
            let len = body.len();
            body.truncate(BODY_MAX);
            CurlAnswer {
                worker: context.worker.clone(),
                outcome: Ok((status, body.to_vec())),
                left_out: len - body.len(),
            }
        }
        Err(why) => CurlAnswer { worker: context.worker.clone(), outcome: Err(why), left_out: 0 },
    };
    context.bus.put(Bucket::Migrations, &key, bus::bytes(&key, &answer)?).await?;
    Ok(())
}

async fn cluster(migration: &Migration, side: Side) -> Result<Cluster, TaskError> {
    match side {
        Side::Source => source::client(migration).await,
        Side::Target => connect::connect(&migration.spec.target, "target").await,
    }
}

/// Sends what a person typed, as it is.
///
/// # Errors
/// A method or a path that is none; no answer.
pub async fn send(cluster: &Cluster, request: &CurlRequest) -> Result<Answer, TargetError> {
    let CurlRequest { method, path, body, .. } = request;
    let wrong = |why: String| TargetError::Endpoint { text: format!("{method} {path}"), why };
    let verb = Method::from_bytes(method.as_bytes()).map_err(|_| wrong("there is no such HTTP method".to_owned()))?;
    // Behind a cluster's address nothing but a path may stand, or it could mean another host.
    let strange = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '#';
    if !path.starts_with('/') || path.contains(strange) {
        return Err(wrong("it is no path: it begins with / and has no spaces (%20)".to_owned()));
    }
    let is_lines = path.split('?').next().is_some_and(|path| path.ends_with("_bulk") || path.ends_with("_msearch"));
    let content_type = if is_lines { "application/x-ndjson" } else { "application/json" };
    cluster.raw(verb, path, content_type, body.as_ref().map(|text| text.clone().into_bytes())).await
}
