//! `migctl submit`: hands a migration to the coordinator and the workers on a NATS server.

mod difference;
mod preflight;
mod store;

pub use store::{Stored, again, store};

use super::{connect, load_config};
use crate::cli::SubmitArgs;
use crate::exit::Exit;
use crate::hint;

/// Submits the configuration, for the first time or again, and waits until everything was looked at.
///
/// # Errors
/// A configuration that is not valid, or is another migration's; the bus's.
pub async fn submit(args: SubmitArgs) -> anyhow::Result<Exit> {
    let spec = load_config(&args.config)?;
    let bus = connect(&args.nats).await?;
    let migration = spec.name.clone();
    let number = match store(&*bus, spec, args.redo).await? {
        Stored::Unchanged(number) => {
            println!(
                "{migration}: submission {number} is under way with this very configuration: nothing to take up; \
                 `migctl retry` does a phase again"
            );
            number
        }
        Stored::New(1) => {
            println!("{migration}: submitted");
            1
        }
        Stored::New(number) => {
            println!("{migration}: submitted, what stopped or failed is taken up (submission {number})");
            number
        }
    };
    let exit =
        if args.no_wait { Exit::Done } else { preflight::wait(&*bus, &migration, number, &args.nats.shown()).await? };
    if exit == Exit::Done {
        hint::next(&format!("migctl status -m {migration}{} --watch", args.nats.to_type()));
    }
    Ok(exit)
}
