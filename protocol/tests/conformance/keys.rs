//! Keys and values: compare-and-set, and nothing lost between writers.

use protocol::bus::{Bus, BusError};
use protocol::names::Bucket;
use tokio::task::JoinSet;

use crate::rig::{Rig, on_both_buses};

on_both_buses!(
    a_write_is_refused_where_its_condition_fails,
    a_deleted_key_is_as_if_it_had_never_been,
    keys_are_found_by_prefix,
    sixteen_writers_count_without_a_loss,
    a_value_of_the_design_s_limit_fits_and_a_larger_one_is_refused,
);

async fn a_write_is_refused_where_its_condition_fails(rig: Rig) {
    let (bus, bucket) = (rig.bus(), Bucket::Checkpoints);
    assert_eq!(bus.get(bucket, "m.1.0").await.unwrap(), None);
    let absent = bus.update(bucket, "m.1.0", b"x".to_vec(), 1).await.unwrap_err();
    assert!(matches!(&absent, BusError::Conflict { key } if key == "m.1.0"), "{absent}");

    let first = bus.create(bucket, "m.1.0", b"one".to_vec()).await.unwrap();
    let again = bus.create(bucket, "m.1.0", b"other".to_vec()).await.unwrap_err();
    assert!(matches!(&again, BusError::Exists { key } if key == "m.1.0"), "{again}");
    let entry = bus.get(bucket, "m.1.0").await.unwrap().expect("written");
    assert_eq!((entry.revision, entry.value.as_slice()), (first, &b"one"[..]));

    let second = bus.update(bucket, "m.1.0", b"two".to_vec(), first).await.unwrap();
    assert!(second > first);
    let stale = bus.update(bucket, "m.1.0", b"stale".to_vec(), first).await.unwrap_err();
    assert!(matches!(stale, BusError::Conflict { .. }), "{stale}");
    let third = bus.put(bucket, "m.1.0", b"three".to_vec()).await.unwrap();
    assert!(third > second);
    let entry = bus.get(bucket, "m.1.0").await.unwrap().expect("written");
    assert_eq!((entry.revision, entry.value.as_slice()), (third, &b"three"[..]));
    // The same key of another bucket is another key.
    assert_eq!(bus.get(Bucket::Migrations, "m.1.0").await.unwrap(), None);
}

async fn a_deleted_key_is_as_if_it_had_never_been(rig: Rig) {
    let (bus, bucket) = (rig.bus(), Bucket::Checkpoints);
    bus.delete(bucket, "m.never").await.unwrap();
    let first = bus.create(bucket, "m.a", b"one".to_vec()).await.unwrap();
    bus.delete(bucket, "m.a").await.unwrap();
    bus.delete(bucket, "m.a").await.unwrap();
    assert_eq!(bus.get(bucket, "m.a").await.unwrap(), None);
    assert!(bus.keys(bucket, "m.").await.unwrap().is_empty());
    let late = bus.update(bucket, "m.a", b"late".to_vec(), first).await.unwrap_err();
    assert!(matches!(late, BusError::Conflict { .. }), "{late}");
    let second = bus.create(bucket, "m.a", b"two".to_vec()).await.unwrap();
    assert!(second > first, "a revision was given twice");
    assert_eq!(bus.get(bucket, "m.a").await.unwrap().expect("written").value, b"two");
}

async fn keys_are_found_by_prefix(rig: Rig) {
    let (bus, bucket) = (rig.bus(), Bucket::Checkpoints);
    assert!(bus.keys(bucket, "m.").await.unwrap().is_empty());
    for key in ["m.1.0", "m.1.0._0-0-100", "m.1.1", "m.12.0", "m-2.1.0", "n.1.0"] {
        bus.put(bucket, key, b"v".to_vec()).await.unwrap();
    }
    bus.put(bucket, "m.9.9", b"v".to_vec()).await.unwrap();
    bus.delete(bucket, "m.9.9").await.unwrap();
    let sorted = async |prefix: &str| {
        let mut keys = bus.keys(bucket, prefix).await.unwrap();
        keys.sort();
        keys
    };
    assert_eq!(sorted("m.").await, ["m.1.0", "m.1.0._0-0-100", "m.1.1", "m.12.0"]);
    assert_eq!(sorted("m.1.").await, ["m.1.0", "m.1.0._0-0-100", "m.1.1"]);
    assert_eq!(sorted("m.1").await, ["m.1.0", "m.1.0._0-0-100", "m.1.1", "m.12.0"]);
    assert_eq!(sorted("").await.len(), 6);
    assert!(sorted("x.").await.is_empty());
}

async fn sixteen_writers_count_without_a_loss(rig: Rig) {
    let bus = rig.bus();
    bus.create(Bucket::Checkpoints, "m.count", vec![0; 8]).await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..16 {
        let bus = rig.bus();
        writers.spawn(async move {
            for _ in 0..25 {
                while !increment(&*bus).await {}
            }
        });
    }
    writers.join_all().await;
    let count = bus.get(Bucket::Checkpoints, "m.count").await.unwrap().expect("written").value;
    assert_eq!(count, (16 * 25_u64).to_be_bytes());
}

/// `false`: somebody else was faster.
async fn increment(bus: &dyn Bus) -> bool {
    let entry = bus.get(Bucket::Checkpoints, "m.count").await.unwrap().expect("written");
    let count = u64::from_be_bytes(entry.value.try_into().unwrap()) + 1;
    match bus.update(Bucket::Checkpoints, "m.count", count.to_be_bytes().to_vec(), entry.revision).await {
        Ok(_) => true,
        Err(BusError::Conflict { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn a_value_of_the_design_s_limit_fits_and_a_larger_one_is_refused(rig: Rig) {
    let (bus, bucket) = (rig.bus(), Bucket::Migrations);
    let large = vec![0xa5; 512 << 10];
    let revision = bus.create(bucket, "m.plan.1.0", large.clone()).await.unwrap();
    assert_eq!(bus.get(bucket, "m.plan.1.0").await.unwrap().expect("written").value, large);
    let too_large = || vec![0; (1 << 20) + 1];
    let refused = [
        bus.create(bucket, "m.new", too_large()).await.unwrap_err(),
        bus.put(bucket, "m.plan.1.0", too_large()).await.unwrap_err(),
        bus.update(bucket, "m.plan.1.0", too_large(), revision).await.unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(error, BusError::TooLarge { len, max, .. } if len > max), "{error:?}");
    }
    assert_eq!(bus.get(bucket, "m.plan.1.0").await.unwrap().expect("untouched").revision, revision);
}
