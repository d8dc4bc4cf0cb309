//! Space on the target: disks of its nodes against the flood stage, and the disk of a directory.

use std::path::Path;

use bytesize::ByteSize;
use rustix::fs::{Access, access, statvfs};
use target::{ClusterSettings, NodeState};

use super::super::Check;

const THRESHOLD: &str = "cluster.routing.allocation.disk.threshold_enabled";
const FLOOD_STAGE: &str = "cluster.routing.allocation.disk.watermark.flood_stage";
const HEADROOM: &str = "cluster.routing.allocation.disk.watermark.flood_stage.max_headroom";

/// Nodes whose disk is so full that the target blocks every index there.
pub fn of_nodes(settings: &ClusterSettings, nodes: &[NodeState]) -> Check {
    let about = "disks of the target";
    if settings.get(THRESHOLD) == Some("false") {
        return Check::good(about, format!("it doesn't mind them ({THRESHOLD} is false)"));
    }
    let flood_stage = settings.get(FLOOD_STAGE).unwrap_or("95%");
    let headroom = settings.get(HEADROOM).and_then(bytes);
    let mut full = Vec::new();
    for (node, (total, free)) in nodes.iter().filter_map(|node| Some((node, node.disk?))) {
        if needed(total, flood_stage, headroom).is_some_and(|needed| free < needed) {
            full.push(format!("{} has {} of {} left", node.name, ByteSize(free), ByteSize(total)));
        }
    }
    if full.is_empty() {
        let free: u64 = nodes.iter().filter_map(|node| Some(node.disk?.1)).sum();
        return Check::good(about, format!("{} left, over all nodes", ByteSize(free)));
    }
    let why = format!(
        "{}, which is beyond the flood stage {flood_stage}: indices there are blocked for writing. Free space, add nodes, \
         or raise {FLOOD_STAGE}, and submit again",
        full.join("; ")
    );
    Check::bad(about, why)
}

/// The directory of a `file:` target: it must take files, and more than a slice of them.
pub fn of_directory(path: &Path, slice_bytes: u64) -> Check {
    let about = format!("target directory {}", path.display());
    if let Err(error) = access(path, Access::WRITE_OK | Access::EXEC_OK) {
        let why =
            format!("nothing can be written there: {error}: give the worker's user the right to, and submit again");
        return Check::bad(about, why);
    }
    match statvfs(path) {
        Err(error) => Check::bad(about, format!("its disk can't be looked at: {error}")),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            if free < slice_bytes {
                let (free, slice) = (ByteSize(free), ByteSize(slice_bytes));
                let why = format!("{free} left, which is less than a slice of {slice}: make space, and submit again");
                return Check::bad(about, why);
            }
            Check::good(about, format!("writable, {} left", ByteSize(free)))
        }
    }
}

/// Bytes of a disk of `total` that must be free below the flood stage; `None`: it can't be told.
fn needed(total: u64, flood_stage: &str, headroom: Option<u64>) -> Option<u64> {
    if let Some(free) = bytes(flood_stage) {
        return Some(free);
    }
    let used: f64 = match flood_stage.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().ok()? / 100.0,
        None => flood_stage.parse().ok()?,
    };
    if !(0.0..=1.0).contains(&used) {
        return None;
    }
    let free = (total as f64 * (1.0 - used)) as u64;
    Some(headroom.map_or(free, |headroom| free.min(headroom)))
}

/// A size in the servers' words: `500mb`, of 1024 kilobytes each.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let factor: u64 = match unit {
        "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        "t" | "tb" => 1 << 40,
        "p" | "pb" => 1 << 50,
        _ => return None,
    };
    text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flood_stage_is_a_part_or_a_number_of_bytes() {
        let total = 1_000 << 30;
        let about = |found: Option<u64>| found.map(|bytes| (bytes + (1 << 29)) >> 30);
        assert_eq!(about(needed(total, "95%", None)), Some(50));
        assert_eq!(about(needed(total, "0.9", None)), Some(100));
        assert_eq!(about(needed(total, "95%", Some(20 << 30))), Some(20));
        assert_eq!(needed(total, "500mb", None), Some(500 << 20));
        assert_eq!((needed(total, "many", None), needed(total, "300%", None)), (None, None));
        assert_eq!((bytes("-1"), bytes("100GB"), bytes("95%")), (None, Some(100 << 30), None));
    }

    #[test]
    fn a_full_node_is_named() {
        let node =
            |name: &str, free| NodeState { name: name.to_owned(), disk: Some((100, free)), request_bytes_max: None };
        let settings = ClusterSettings::default();
        let good = of_nodes(&settings, &[node("a", 50), node("b", 6)]);
        assert_eq!(good.result, Ok("56 B left, over all nodes".to_owned()));
        let why = of_nodes(&settings, &[node("a", 50), node("b", 3)]).result.unwrap_err();
        assert!(why.starts_with("b has 3 B of 100 B left, which is beyond the flood stage 95%"), "{why}");
    }
}
