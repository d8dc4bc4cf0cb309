//! Every program killed at once, in the middle of each phase and at random moments: started again, it completes.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tests::rig::Rig;
use tests::servers::Product;

use crate::corpus::Corpus;
use crate::rig::{PHASES, gates, kill_all, shared, start, with_snapshot};
use crate::state::States;

#[test]
fn killed_in_the_middle_of_each_phase_it_completes() {
    let name = "each-killed";
    let (source, target) = (shared(Product::Elasticsearch7), shared(Product::OpenSearch2));
    let corpus = Corpus::make(&source.http().unwrap(), name);
    let repository = tempfile::tempdir().unwrap();
    let config = with_snapshot(name, source, repository.path(), target, &corpus, &gates("manual"));
    let mut rig = Rig::new(name, &config).unwrap();
    start(&mut rig);
    rig.does(&["submit"]);
    let states = States::watch(&rig);
    for phase in PHASES {
        rig.await_phase(phase, "waiting");
        rig.does(&["approve", phase]);
        // The load is met in the middle of its slices; a command as soon as it is under way.
        states.await_running(phase);
        if phase == "load" {
            states.await_checkpoint();
        }
        kill_all(&mut rig);
        let status = states.now(phase);
        rig.note(&format!("{phase} killed while {status}"));
        assert_eq!(status, "running", "{phase} was over already");
        start(&mut rig);
    }
    rig.await_end();
    corpus.assert_arrived(&target.http().unwrap());
    rig.note(&format!("{} documents", corpus.len()));
    corpus.remove_from(&target.http().unwrap());
}

/// Kills of one migration.
const KILLS: usize = 10;

#[test]
fn killed_ten_times_at_random_moments_it_completes() {
    let name = "ten-kills";
    let seed = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let (source, target) = (shared(Product::Elasticsearch7), shared(Product::OpenSearch2));
    let corpus = Corpus::make(&source.http().unwrap(), name);
    let repository = tempfile::tempdir().unwrap();
    let config = with_snapshot(name, source, repository.path(), target, &corpus, &gates("auto"));
    let mut rig = Rig::new(name, &config).unwrap();
    start(&mut rig);
    let states = States::watch(&rig);
    rig.does(&["submit", "--no-wait"]);
    let begun = Instant::now();
    for kill in 1..=KILLS {
        // Some way on since the last one, or all ten would meet the same moment.
        states.await_change();
        std::thread::sleep(Duration::from_millis(random.random_range(0..400)));
        let met = states.current().unwrap_or_else(|| rig.fail(&format!("over before kill {kill}, seed {seed}")));
        kill_all(&mut rig);
        rig.note(&format!("kill {kill} in {met}"));
        start(&mut rig);
    }
    rig.await_end();
    corpus.assert_arrived(&target.http().unwrap());
    rig.note(&format!("{} documents, {KILLS} kills, seed {seed}, {:.0?}", corpus.len(), begun.elapsed()));
    corpus.remove_from(&target.http().unwrap());
}
