//! What holds for every store of blobs.

use std::collections::BTreeSet;
use std::path::Path;

use snapshot::{BlobMeta, BlobStore, FsStore, StoreErrorKind};
use tests::s3::S3Server;

use crate::{BUCKET, store};

fn put(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn of_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    holds(&FsStore::open(folder.path()).unwrap(), folder.path()).await;
}

#[tokio::test]
async fn of_a_bucket() {
    let server = S3Server::start().unwrap();
    holds(&store(&server, "").await, &server.bucket(BUCKET).unwrap()).await;
}

#[tokio::test]
async fn of_a_folder_in_a_bucket() {
    let server = S3Server::start().unwrap();
    let bucket = server.bucket(BUCKET).unwrap();
    for beside in ["prod", "prod/us-east/index-9", "prod/eu-north/index-9", "index-9"] {
        put(&bucket, &format!("{beside}/x"), b"another repository");
    }
    holds(&store(&server, "/prod/eu").await, &bucket.join("prod/eu")).await;
}

/// `root` is where the store has its blobs.
async fn holds(store: &dyn BlobStore, root: &Path) {
    put(root, "index-0", b"0123456789");
    put(root, "index.latest", b"");
    put(root, "indices/a/__x", b"x");
    lists(store, root).await;
    reads(store).await;
    takes_names_verbatim(store, root).await;
    stays_inside(store).await;
}

async fn lists(store: &dyn BlobStore, root: &Path) {
    assert_eq!(store.list("index-").await.unwrap(), [BlobMeta { name: "index-0".to_owned(), len: 10 }]);
    assert_eq!(store.list("").await.unwrap().len(), 2, "folders are no blobs");
    assert_eq!(store.list("indices/a/").await.unwrap()[0].name, "indices/a/__x");
    for nothing in ["indices/", "indices/b/", "indices/a/__y", "index-00"] {
        assert!(store.list(nothing).await.unwrap().is_empty(), "{nothing}");
    }
    // More than S3 tells at once.
    for number in 0..2_345 {
        put(root, &format!("many/__{number}"), b"");
    }
    let names = |blobs: Vec<BlobMeta>| blobs.into_iter().map(|blob| blob.name).collect::<BTreeSet<_>>();
    assert_eq!(names(store.list("many/").await.unwrap()).len(), 2_345);
    assert_eq!(names(store.list("many/__1").await.unwrap()).len(), 1_111);
}

async fn reads(store: &dyn BlobStore) {
    assert_eq!(store.read("index-0", 10).await.unwrap(), "0123456789");
    assert_eq!(store.read("index.latest", 0).await.unwrap(), "");
    assert_eq!(store.read("index-0", 9).await.unwrap_err().kind, StoreErrorKind::TooLarge { len: 10, len_max: 9 });
    for (range, expected) in [(0..10, "0123456789"), (3..7, "3456"), (9..10, "9"), (10..10, ""), (0..0, "")] {
        assert_eq!(store.read_range("index-0", range).await.unwrap(), expected);
    }
    for wanted in [5..11, 10..11, 20..25, 0..11, 11..11] {
        let cut = store.read_range("index-0", wanted.clone()).await.unwrap_err();
        assert_eq!(cut.kind, StoreErrorKind::Truncated { len: 10, wanted: wanted.end }, "{wanted:?}");
        assert!(cut.to_string().contains("index-0") && cut.to_string().contains("is 10 bytes"), "{cut}");
    }
    for missing in ["index-1", "indices/b/__x", "index-0x"] {
        for error in [
            store.read(missing, 9).await.unwrap_err(),
            store.read_range(missing, 0..1).await.unwrap_err(),
            store.read_range(missing, 0..0).await.unwrap_err(),
        ] {
            assert_eq!(error.kind, StoreErrorKind::NotFound, "{missing}: {error}");
            assert_eq!(error.to_string(), format!("blob {missing} of {} is not there", store.location()));
        }
    }
}

async fn takes_names_verbatim(store: &dyn BlobStore, root: &Path) {
    for name in ["weird+name@é-日本", "e\u{301}%2F%", "..a", "a b", "C:\\x", "a?b#c&d=e"] {
        let blob = format!("indices/{name}/snapshot-ß");
        put(root, &blob, name.as_bytes());
        assert_eq!(store.read(&blob, 99).await.unwrap(), name);
        assert_eq!(store.read_range(&blob, 0..1).await.unwrap(), name.as_bytes()[..1]);
        assert_eq!(store.list(&format!("indices/{name}/snap")).await.unwrap()[0].name, blob);
    }
}

async fn stays_inside(store: &dyn BlobStore) {
    for name in ["../x", "indices/../../x", "/x", "", "..", "indices/./a/__x", "indices//a"] {
        assert_eq!(store.read(name, 99).await.unwrap_err().kind, StoreErrorKind::BadName, "{name}");
        assert_eq!(store.read_range(name, 0..1).await.unwrap_err().kind, StoreErrorKind::BadName, "{name}");
    }
    for prefix in ["../", "/", "indices//"] {
        assert_eq!(store.list(prefix).await.unwrap_err().kind, StoreErrorKind::BadName, "{prefix}");
    }
}
