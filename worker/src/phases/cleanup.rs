//! Cleanup: what metadata withheld is put on, what only the migration needed goes.

use std::collections::BTreeMap;

use protocol::bus;
use protocol::names::{self, Bucket};
use protocol::state::TargetPage;
use serde_json::{Value, json};

use crate::context::{Context, Migration, TargetHandle};
use crate::failure::TaskError;

/// Puts withheld settings on; drops tasks that nobody needs any more.
///
/// # Errors
/// The target refuses a setting; the bus's.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let mut notes = Vec::new();
    if let TargetHandle::Cluster(cluster) = &migration.target {
        let mut page_no = 0;
        loop {
            let key = names::target(&migration.name, page_no);
            let page = bus::read::<TargetPage>(&*context.bus, Bucket::Migrations, &key).await?;
            let Some((page, _)) = page else { break };
            for index in page.indices.values().filter(|index| index.created && !index.withheld.is_empty()) {
                cluster.put_settings(&index.name, &settings(&index.withheld)).await?;
                let names: Vec<&str> = index.withheld.keys().map(String::as_str).collect();
                notes.push(format!("{}: put on {}", index.name, names.join(", ")));
            }
            page_no += 1;
        }
    }
    context.bus.purge_tasks(&migration.name).await?;
    if notes.is_empty() {
        notes.push("nothing was withheld".to_owned());
    }
    Ok(notes)
}

fn settings(withheld: &BTreeMap<String, String>) -> Value {
    withheld.iter().map(|(name, value)| (name.clone(), json!(value))).collect::<serde_json::Map<_, _>>().into()
}
