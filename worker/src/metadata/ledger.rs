//! Which indices there are, and where it is noted what became of them: on the bus, or, outside a migration, nowhere.

use std::collections::BTreeMap;

use protocol::bus;
use protocol::checkpoint::Verdict;
use protocol::destination::{TargetIndex, TargetPage};
use protocol::ids::IndexNo;
use protocol::names::{self, Bucket};
use protocol::plan::{InventoryIndex, InventoryPage};
use protocol::spec::Spec;
use snapshot::Snapshot;

use crate::context::{Context, Migration};
use crate::failure::TaskError;
use crate::phases::register;

/// Which indices there are, and where it is noted what became of them.
#[derive(Clone, Copy)]
pub enum Ledger<'a> {
    /// The inventory on the bus.
    Bus(&'a Context, &'a Migration),
    /// What the configuration selects of a snapshot.
    Alone(&'a Spec, &'a Snapshot),
}

/// A page of the inventory, with what was noted of its indices on the target.
pub struct Page {
    /// Its indices, by number.
    pub indices: Vec<InventoryIndex>,
    /// What was noted of them.
    pub known: BTreeMap<IndexNo, TargetIndex>,
    /// Whether there is one more.
    pub more: bool,
}

/// Page number `number` of the inventory, from 0.
///
/// # Errors
/// The bus's; a page that is missing.
pub async fn page(context: &Context, migration: &Migration, number: u32) -> Result<Page, TaskError> {
    let key = names::inventory(&migration.name, number);
    let Some((page, _)) = bus::read::<InventoryPage>(&*context.bus, Bucket::Migrations, &key).await? else {
        return Err(TaskError::say(Verdict::Retry, format!("the inventory's page {number} is not there")));
    };
    let key = names::target(&migration.name, number);
    let known = bus::read::<TargetPage>(&*context.bus, Bucket::Migrations, &key).await?;
    let known = known.map(|(page, _)| page.indices).unwrap_or_default();
    Ok(Page { indices: page.indices, known, more: number.saturating_add(1) < page.pages })
}

impl Ledger<'_> {
    /// Page number `number`, from 0.
    ///
    /// # Errors
    /// The bus's; a page that is missing.
    pub async fn page(&self, number: u32) -> Result<Page, TaskError> {
        match self {
            Self::Bus(context, migration) => page(context, migration, number).await,
            Self::Alone(spec, snapshot) => selected(spec, snapshot).await,
        }
    }

    /// Notes what became of the indices of a page.
    ///
    /// # Errors
    /// The bus's.
    pub async fn note(&self, number: u32, indices: BTreeMap<IndexNo, TargetIndex>) -> Result<(), TaskError> {
        if let Self::Bus(context, migration) = self {
            let key = names::target(&migration.name, number);
            let page = bus::bytes(&key, &TargetPage { indices })?;
            context.bus.put(Bucket::Migrations, &key, page).await?;
        }
        Ok(())
    }
}

async fn selected(spec: &Spec, snapshot: &Snapshot) -> Result<Page, TaskError> {
    let streams = register::streams(snapshot).await?;
    let listed = (0..).zip(&snapshot.indices).map(|(no, index)| InventoryIndex {
        no: IndexNo(no),
        name: index.name.clone(),
        create: register::any_name(&streams, &index.name, |name| spec.creates(name)),
        ..InventoryIndex::default()
    });
    Ok(Page { indices: listed.collect(), known: BTreeMap::new(), more: false })
}
