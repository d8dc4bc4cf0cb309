//! Evaluate: what metadata would do, index by index. The target is asked, and nothing is changed.

use crate::context::{Context, Migration};
use crate::failure::TaskError;
use crate::phases::metadata::decide::{Action, decide};
use crate::phases::metadata::{page, refuse, templates};

/// Says what metadata would do.
///
/// # Errors
/// Every index that can't be created or loaded into, with the reason.
pub async fn run(context: &Context, migration: &Migration) -> Result<Vec<String>, TaskError> {
    let (snapshot, templates) = (migration.snapshot().await?, templates(migration).await);
    let (mut lines, mut refused) = (Vec::new(), Vec::new());
    let (mut create, mut there) = (0, 0);
    for number in 0.. {
        let page = page(context, migration, number).await?;
        for index in &page.indices {
            let known = page.known.get(&index.no).and_then(|noted| noted.destinations.first());
            let decided = match decide(migration, &snapshot, &templates, index, known).await {
                Ok(decided) => decided,
                Err(TaskError::Failed { reason, .. }) => {
                    refused.push(format!("{}: {reason}", index.name));
                    continue;
                }
                Err(error) => return Err(error),
            };
            match decided.action {
                Action::Leave => continue,
                Action::Create(_) => create += 1,
                Action::Take(_) | Action::Lines => there += 1,
            }
            let words: Vec<String> = std::iter::once(decided.what).chain(decided.notes).collect();
            lines.push(format!("{}: {}", index.name, words.join("; ")));
        }
        if !page.more {
            break;
        }
    }
    refuse(&refused)?;
    lines.insert(0, format!("{create} indices to create, {there} are there"));
    Ok(lines)
}
