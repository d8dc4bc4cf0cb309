//! Whether there is a way from the source's version to the target's. Pure.

use protocol::spec::ServerVersion;

use super::Check;

/// Versions whose snapshots are read, by major: Elasticsearch's and OpenSearch's.
const READ: [std::ops::RangeInclusive<u32>; 2] = [1..=9, 1..=3];
/// Versions that are written to: Elasticsearch's and OpenSearch's.
const WRITTEN: [std::ops::RangeInclusive<u32>; 2] = [7..=9, 1..=3];

/// The way from `source` to `target`, where both are known; what isn't known has a failure of its own. A target without
/// a version is a directory, which takes everything.
pub fn check(source: Option<&ServerVersion>, target: Option<&ServerVersion>) -> Option<Check> {
    let (source, target) = (source?, target?);
    let about = format!("from {source} to {target}");
    let covers = |ranges: &[std::ops::RangeInclusive<u32>; 2], version: &ServerVersion| {
        let [elasticsearch, opensearch] = ranges;
        let [major, ..] = version.numbers;
        if version.opensearch { opensearch.contains(&major) } else { elasticsearch.contains(&major) }
    };
    if !covers(&READ, source) {
        let why = "snapshots of this source are not read: elasticsearch 1 to 9 and opensearch 1 to 3 are. Restore it \
                   in one of these, and migrate a snapshot of that";
        return Some(Check::bad(about, why));
    }
    if !covers(&WRITTEN, target) {
        let why = "this target is not written to: elasticsearch 7 to 9 and opensearch 1 to 3 are. Upgrade it, or load \
                   into a `file:` target";
        return Some(Check::bad(about, why));
    }
    Some(Check::good(about, "supported"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(source: &str, target: &str) -> Result<String, String> {
        let (source, target) = (source.parse().unwrap(), target.parse().unwrap());
        check(Some(&source), Some(&target)).unwrap().result
    }

    #[test]
    fn what_is_read_goes_to_what_is_written_to() {
        for source in ["elasticsearch 1.7.6", "elasticsearch 9.1", "opensearch 1.0", "opensearch 3.8.0"] {
            for target in ["elasticsearch 7.10.2", "elasticsearch 9.0", "opensearch 1.3.20", "opensearch 3.0"] {
                assert_eq!(result(source, target), Ok("supported".to_owned()), "{source} to {target}");
            }
        }
    }

    #[test]
    fn the_side_that_is_in_the_way_is_named() {
        for source in ["elasticsearch 0.90.13", "elasticsearch 10.0", "opensearch 4.0"] {
            let why = result(source, "opensearch 2.19.4").unwrap_err();
            assert!(why.starts_with("snapshots of this source are not read"), "{source}: {why}");
        }
        for target in ["elasticsearch 6.8.23", "elasticsearch 10.0", "opensearch 4.0"] {
            let why = result("elasticsearch 7.10.2", target).unwrap_err();
            assert!(why.starts_with("this target is not written to"), "{target}: {why}");
        }
        assert_eq!(check(None, Some(&"opensearch 2.0".parse().unwrap())), None);
    }
}
