//! The account: what became of every document, per segment and in words.
//!
//! In: a shard's plan, which the segments' own metadata made, and the checkpoints of its slices. Out: the account of every
//! segment, or the one that is off.

use std::collections::BTreeMap;

use protocol::checkpoint::{Counts, SegmentAccount, SliceCheckpoint};
use protocol::ids::SliceId;
use protocol::plan::ShardPlan;

/// Adds up what became of every segment, and checks it against the segment's own metadata and checksum.
///
/// # Errors
/// A sentence that names the segment whose account or checksum is off.
pub(super) fn account(
    plan: &ShardPlan,
    slices: &BTreeMap<SliceId, SliceCheckpoint>,
) -> Result<Vec<SegmentAccount>, String> {
    let mut accounts: Vec<SegmentAccount> = plan
        .segments
        .iter()
        .map(|segment| SegmentAccount {
            name: segment.name.clone(),
            live_docs: segment.live_docs(),
            counts: Counts::default(),
        })
        .collect();
    let mut checksums: Vec<crc32fast::Hasher> = plan.segments.iter().map(|_| crc32fast::Hasher::new()).collect();
    for slice in &plan.slices {
        let Some(checkpoint) = slices.get(&slice.id) else { continue };
        for (range, progress) in slice.ranges.iter().zip(&checkpoint.ranges) {
            let segment = range.segment as usize;
            let (Some(account), Some(checksum)) = (accounts.get_mut(segment), checksums.get_mut(segment)) else {
                return Err(format!("slice {} names segment {segment}, which the plan doesn't have", slice.id));
            };
            account.counts.add(&progress.counts);
            let len = range.to_byte.saturating_sub(range.from_byte);
            checksum.combine(&crc32fast::Hasher::new_with_initial_len(progress.crc.value, len));
        }
    }
    for ((account, checksum), segment) in accounts.iter().zip(checksums).zip(&plan.segments) {
        if !account.adds_up() {
            return Err(format!(
                "the account of segment {} does not add up: {} live documents by its metadata, {} accounted for \
                 ({} written, {} already there, {} rejected, {} skipped, {} nested)",
                account.name,
                account.live_docs,
                account.counts.accounted(),
                account.counts.written,
                account.counts.already_there,
                account.counts.rejected,
                account.counts.skipped_total(),
                account.counts.nested
            ));
        }
        let found = checksum.finalize();
        if let Some(footer) = segment.fdt_crc.filter(|footer| *footer != found) {
            return Err(format!(
                "the stored fields of segment {} are damaged: CRC-32 is {found:08x}, its footer says {footer:08x}; {} \
                 documents were written from it",
                account.name, account.counts.written
            ));
        }
    }
    Ok(accounts)
}

/// The account in words.
pub(super) fn notes(total: &Counts) -> Vec<String> {
    let mut notes = vec![format!(
        "{} written, {} already there, {} rejected, {} skipped, {} nested",
        total.written,
        total.already_there,
        total.rejected,
        total.skipped_total(),
        total.nested
    )];
    notes.extend(total.skipped.iter().map(|(reason, count)| format!("skipped for {}: {count}", reason.as_str())));
    if total.recovered > 0 {
        notes.push(format!("{} with a source that was recovered", total.recovered));
    }
    notes
}
