//! `migctl curl`: a request to the source or the target with the authentication that the configuration names.
//!
//! In: what curl takes. Out: the body on standard output; anything but a success ends with 1. Sent from here, where the
//! secrets resolve, or by a worker. Whatever is asked of a migration that is on a bus stands in its audit log.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use protocol::bus::{self, Bus, Change, SharedBus};
use protocol::ids::MigrationName;
use protocol::names::{self, Bucket};
use protocol::spec::Spec;
use protocol::state::{CurlAnswer, CurlRequest, Side};
use protocol::task::{Task, TaskMessage};
use target::{Answer, Endpoint};

use super::{attach, invalid, submission};
use crate::cli::CurlArgs;
use crate::config;
use crate::exit::Exit;
use crate::person;

/// How long a worker may take: it may be at something that takes long, and it is asked to wait for the cluster too.
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest body that is read from a file: it travels in one value of the bus.
const BODY_MAX: usize = 900 << 10;

/// Sends the request and prints the answer.
///
/// # Errors
/// A configuration without that cluster; secrets that don't resolve here; no answer.
pub async fn curl(args: CurlArgs) -> anyhow::Result<Exit> {
    let body = args.data.as_deref().map(body).transpose()?;
    let method = args.method.clone().unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
    let path = if args.path.starts_with('/') { args.path.clone() } else { format!("/{}", args.path) };
    let request = CurlRequest { side: args.side.into(), method: method.to_uppercase(), path, body };
    let answer = match args.via_worker {
        true => via_worker(&args, &request).await?,
        false => from_here(&args, &request).await?,
    };
    std::io::stdout().write_all(&answer.body).context("write the answer")?;
    if answer.is_success() {
        return Ok(Exit::Done);
    }
    eprintln!("{} {} of the {}: HTTP status {}", request.method, request.path, request.side.as_str(), answer.status);
    Ok(Exit::Error)
}

/// What `-d` means.
fn body(data: &str) -> anyhow::Result<String> {
    let Some(file) = data.strip_prefix('@') else { return Ok(data.to_owned()) };
    let text = match file {
        "-" => std::io::read_to_string(std::io::stdin()).context("read standard input")?,
        file => std::fs::read_to_string(file).with_context(|| format!("read {file}"))?,
    };
    anyhow::ensure!(text.len() <= BODY_MAX, "the body is above {} KiB", BODY_MAX >> 10);
    Ok(text)
}

async fn from_here(args: &CurlArgs, request: &CurlRequest) -> anyhow::Result<Answer> {
    let (spec, bus) = match &args.bus.migration {
        Some(_) => {
            let (migration, bus) = attach(&args.bus).await?;
            (submission(&*bus, &migration).await?.0.spec, Some(bus))
        }
        // Before it is submitted there is no bus that knows it.
        None => (config::load(&args.bus.config).map_err(invalid)?, attach(&args.bus).await.ok().map(|(_, bus)| bus)),
    };
    if request.side == Side::Target && matches!(Endpoint::parse(&spec.target.endpoint), Ok(Endpoint::Directory(_))) {
        bail!("the target is a directory: there is nobody to ask");
    }
    let cluster = match (request.side, &spec.source) {
        (Side::Target, _) => worker::connect::connect(&spec.target, "target").await,
        (Side::Source, Some(source)) => worker::connect::connect(source, "source").await,
        (Side::Source, None) => bail!("the configuration has no `source`"),
    };
    // Where it is said what is missing, a worker may have it.
    let cluster =
        cluster.map_err(|error| anyhow::anyhow!("{error}; what a worker has and this machine not: --via-worker"))?;
    if let Some(bus) = bus {
        record(&*bus, &spec, request, "").await?;
    }
    Ok(worker::curl::send(&cluster, request).await?)
}

/// A migration that nobody submitted yet has no log.
async fn record(bus: &dyn Bus, spec: &Spec, request: &CurlRequest, how: &str) -> anyhow::Result<()> {
    if bus.get(Bucket::Migrations, &names::spec(&spec.name)).await?.is_some() {
        let what = format!("curl {} {} {}{how}", request.side.as_str(), request.method, request.path);
        let detail = request.body.iter().map(|body| format!("with a body of {} bytes", body.len())).collect();
        person::record(bus, &spec.name, what, detail).await?;
    }
    Ok(())
}

async fn via_worker(args: &CurlArgs, request: &CurlRequest) -> anyhow::Result<Answer> {
    let (migration, bus) = attach(&args.bus).await?;
    let spec = submission(&*bus, &migration).await?.0.spec;
    record(&*bus, &spec, request, " via a worker").await?;
    let nonce = u32::try_from(protocol::clock::now_ms() & u64::from(u32::MAX)).unwrap_or_default();
    let (asked, answered) = (names::curl(&migration, nonce), names::curl_answer(&migration, nonce));
    let outcome = ask(&bus, &migration, nonce, request).await;
    for key in [asked, answered] {
        bus.delete(Bucket::Migrations, &key).await?;
    }
    let CurlAnswer { worker, outcome, left_out } = outcome?;
    let (status, body) = outcome.map_err(|why| anyhow::anyhow!("{worker}: {why}"))?;
    if left_out > 0 {
        eprintln!("warning: the last {left_out} bytes are left out: more than travels over the bus");
    }
    Ok(Answer { status, body: body.into() })
}

async fn ask(
    bus: &SharedBus,
    migration: &MigrationName,
    nonce: u32,
    request: &CurlRequest,
) -> anyhow::Result<CurlAnswer> {
    let (asked, answered) = (names::curl(migration, nonce), names::curl_answer(migration, nonce));
    let mut answers = bus.watch(Bucket::Migrations, &format!("{asked}.")).await?;
    bus.create(Bucket::Migrations, &asked, bus::bytes(&asked, request)?).await?;
    bus.publish(&TaskMessage { migration: migration.clone(), attempt: nonce, task: Task::Curl(nonce) }).await?;
    let wait = async {
        while let Some(change) = answers.recv().await {
            if matches!(&change, Change::Put(key, _) if *key == answered) {
                return Ok(());
            }
        }
        bail!("the connection to the bus was lost; ask again")
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(heard) => heard?,
        Err(_) => bail!(
            "no worker answered in {PATIENCE:?}: `migctl status -m {migration}` shows whether one is there, and whether \
             a phase keeps it busy"
        ),
    }
    let answer = bus::read::<CurlAnswer>(&**bus, Bucket::Migrations, &answered).await?;
    answer.map(|(answer, _)| answer).context("the answer is gone again; ask again")
}
