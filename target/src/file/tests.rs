//! Crashes are played by dropping a [`SliceFile`] without finishing it.

use tempfile::TempDir;

use super::*;
use crate::error::Verdict;

fn target() -> (TempDir, DirectoryTarget) {
    let home = tempfile::tempdir().unwrap();
    let target = DirectoryTarget::open(home.path().join("a/out")).unwrap();
    (home, target)
}

fn part(target: &DirectoryTarget) -> PathBuf {
    target.out.join("orders/3-_0.0.ndjson.part")
}

fn done(target: &DirectoryTarget) -> PathBuf {
    target.out.join("orders/3-_0.0.ndjson")
}

fn open(target: &DirectoryTarget, resume_len: u64) -> Result<SliceFile, TargetError> {
    target.slice("orders", 3, "_0.0", resume_len)
}

/// A slice with `1\n` under a checkpoint, and `2\n` after it.
fn crashed(target: &DirectoryTarget) -> u64 {
    let mut file = open(target, 0).unwrap();
    file.append(b"1\n").unwrap();
    let checkpoint = file.sync().unwrap();
    file.append(b"2\n").unwrap();
    checkpoint
}

#[test]
fn a_slice_has_its_final_name_only_when_it_is_finished() {
    let (_home, target) = target();
    let mut file = open(&target, 0).unwrap();
    file.append(b"1\n").unwrap();
    assert_eq!(file.sync().unwrap(), 2);
    file.append(b"22\n").unwrap();
    assert_eq!(len(&done(&target)).unwrap(), None);
    assert_eq!(file.finish().unwrap(), 5);
    assert_eq!(fs::read(done(&target)).unwrap(), b"1\n22\n");
    assert_eq!(len(&part(&target)).unwrap(), None);
}

#[test]
fn what_is_after_the_checkpoint_is_cut() {
    let (_home, target) = target();
    let checkpoint = crashed(&target);
    assert_eq!(fs::read(part(&target)).unwrap(), b"1\n2\n");
    let mut file = open(&target, checkpoint).unwrap();
    file.append(b"two\n").unwrap();
    file.finish().unwrap();
    assert_eq!(fs::read(done(&target)).unwrap(), b"1\ntwo\n");
}

#[test]
fn a_slice_without_a_checkpoint_begins_anew_and_replaces_what_was_finished() {
    let (_home, target) = target();
    crashed(&target);
    open(&target, 0).unwrap().finish().unwrap();
    assert_eq!(fs::read(done(&target)).unwrap(), b"");
    let mut again = open(&target, 0).unwrap();
    again.append(b"3\n").unwrap();
    assert_eq!(fs::read(done(&target)).unwrap(), b"");
    again.finish().unwrap();
    assert_eq!(fs::read(done(&target)).unwrap(), b"3\n");
}

#[test]
fn a_file_shorter_than_the_checkpoint_is_refused_and_left_alone() {
    let (_home, target) = target();
    let checkpoint = crashed(&target);
    fs::write(part(&target), b"1").unwrap();
    let error = open(&target, checkpoint).unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop);
    let text = error.to_string();
    assert!(text.contains("holds 1 bytes, but 2 bytes") && text.contains("changed by somebody else"), "{text}");
    assert_eq!(fs::read(part(&target)).unwrap(), b"1");

    fs::remove_file(part(&target)).unwrap();
    let text = open(&target, checkpoint).unwrap_err().to_string();
    assert!(text.contains("is missing, but 2 bytes"), "{text}");
    assert_eq!(len(&part(&target)).unwrap(), None);
}

#[test]
fn finishing_is_idempotent_also_across_a_crash() {
    let (_home, target) = target();
    let mut file = open(&target, 0).unwrap();
    file.append(b"1\n2\n").unwrap();
    assert_eq!((file.finish().unwrap(), file.finish().unwrap(), file.sync().unwrap()), (4, 4, 4));
    drop(file);

    let mut resumed = open(&target, 4).unwrap();
    assert_eq!((resumed.sync().unwrap(), resumed.finish().unwrap()), (4, 4));
    assert!(matches!(resumed.append(b"3\n"), Err(TargetError::FileChanged { .. })));
    assert_eq!(fs::read(done(&target)).unwrap(), b"1\n2\n");
}

#[test]
fn a_finished_file_goes_on_from_an_older_checkpoint() {
    let (_home, target) = target();
    crashed(&target);
    let mut file = open(&target, 2).unwrap();
    file.append(b"2\n").unwrap();
    file.finish().unwrap();
    drop(file);

    let mut resumed = open(&target, 2).unwrap();
    assert_eq!(len(&done(&target)).unwrap(), None);
    resumed.append(b"two\n").unwrap();
    resumed.finish().unwrap();
    assert_eq!(fs::read(done(&target)).unwrap(), b"1\ntwo\n");
}

#[test]
fn a_finished_file_shorter_than_the_checkpoint_is_refused() {
    let (_home, target) = target();
    let mut file = open(&target, 0).unwrap();
    file.append(b"1\n").unwrap();
    file.finish().unwrap();
    let text = open(&target, 5).unwrap_err().to_string();
    assert!(text.contains("holds 2 bytes, but 5 bytes"), "{text}");
}

#[test]
fn two_writers_never_share_a_file() {
    let (_home, target) = target();
    let mut first = open(&target, 0).unwrap();
    first.append(b"1\n").unwrap();
    let error = open(&target, 0).unwrap_err();
    assert!(matches!(error, TargetError::FileBusy { .. }), "{error}");
    assert_eq!(error.verdict(), Verdict::Retry);
    assert_eq!(fs::read(part(&target)).unwrap(), b"1\n");
    first.finish().unwrap();
}

#[test]
fn after_an_error_nothing_is_promised() {
    let (_home, target) = target();
    let mut file = open(&target, 0).unwrap();
    file.append(b"1\n").unwrap();
    // The directory goes away, so that the new name can't be given.
    fs::remove_dir_all(target.out.join("orders")).unwrap();
    let error = file.finish().unwrap_err();
    assert_eq!(error.verdict(), Verdict::Stop, "{error}");
    for result in [file.append(b"2\n"), file.sync().map(|_| ()), file.finish().map(|_| ())] {
        assert!(matches!(result, Err(TargetError::FileUnknown { .. })), "{result:?}");
    }
}

#[test]
fn a_full_disk_says_so() {
    let (_home, target) = target();
    fs::create_dir(target.out.join("orders")).unwrap();
    std::os::unix::fs::symlink("/dev/full", part(&target)).unwrap();
    // A device can't be cut, so the file is put together by hand.
    let full = File::options().write(true).open(part(&target)).unwrap();
    let paths = Paths::new(&target.out, "orders", 3, "_0.0");
    let mut file = SliceFile { paths, len: 0, state: State::Open { file: full, named_on_disk: false } };
    let error = file.append(b"1\n").unwrap_err();
    assert!(matches!(error, TargetError::DiskFull { .. }), "{error:?}");
    assert_eq!(error.verdict(), Verdict::Stop);
    assert!(error.to_string().contains("3-_0.0.ndjson.part"), "{error}");
}

#[test]
fn names_from_a_snapshot_stay_inside() {
    let (home, target) = target();
    let mut file = target.slice("../../escaped", 0, "/../../x", 0).unwrap();
    file.append(b"1\n").unwrap();
    file.finish().unwrap();
    let entries = |path: &Path| -> Vec<String> {
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(entries(home.path()), ["a"]);
    assert_eq!(entries(&home.path().join("a")), ["out"]);
    assert_eq!(entries(&target.out), ["%2E.%2F..%2Fescaped"]);
    assert_eq!(entries(&target.out.join("%2E.%2F..%2Fescaped")), ["0-%2F..%2F..%2Fx.ndjson"]);
}
