//! How commands end and what they say besides: exit codes, errors with and without `-v`, the line with the next command.

use std::process::Command;

use tests::binaries;

use crate::desk::{ALL_AUTO, DONE, Desk, ERROR, FAILED, USAGE, WAITING};

/// What a person sees who types this: both outputs, on a terminal.
fn on_a_terminal(desk: &Desk, arguments: &[&str]) -> String {
    on_a_terminal_with(desk, arguments, &[])
}

/// The same with variables in the environment.
fn on_a_terminal_with(desk: &Desk, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let migctl = binaries::program("migctl").unwrap();
    let mut python = Command::new("python3");
    python.args(["-c", "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"]).arg(migctl).args(arguments);
    python.current_dir(desk.place.path()).env_remove("MIGCTL_NATS_URL").env_remove("NO_COLOR");
    let output = python.envs(variables.iter().copied()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn each_exit_code_means_one_thing() {
    let desk = Desk::new();
    desk.configure("done", ALL_AUTO);
    desk.says(&["run", "-c", "done.yaml"], DONE, &[]);
    desk.configure("gated", "");
    desk.says(&["run", "-c", "gated.yaml"], WAITING, &[]);
    desk.configure_from("failing", desk.place.path(), "none", ALL_AUTO);
    desk.says(&["run", "-c", "failing.yaml"], FAILED, &[]);
    desk.says(&["status", "-m", "none"], ERROR, &[]);
    desk.says(&["status", "--nonsense"], USAGE, &[]);
    desk.says(&["run", "-c", "none.yaml"], USAGE, &["none.yaml"]);
    let help = desk.says(&["--help"], DONE, &["Exit codes:"]).output;
    for line in ["0  done", "1  failed;", "2  the command line", "3  waits for", "4  the pre-flight or a phase"] {
        assert!(help.contains(line), "{help}");
    }
}

#[test]
fn an_error_is_one_line_and_with_v_its_causes_too() {
    let desk = Desk::new();
    let nobody = ["list", "--nats", "nats://127.0.0.1:1"];
    let said = desk.says(&nobody, ERROR, &["there is no NATS server", "--nats URL"]).errors;
    assert!(said.starts_with("error: ") && said.lines().count() == 1, "{said}");
    let said = desk.says(&["-v", nobody[0], nobody[1], nobody[2]], ERROR, &["there is no NATS server"]).errors;
    let causes = said.lines().filter(|line| line.starts_with("  because: ")).count();
    assert!(causes >= 2, "{said}");
}

#[test]
fn the_next_command_is_told_to_a_person_and_to_nobody_else() {
    let desk = Desk::new();
    desk.configure("shop", "");
    let valid = ["configure", "validate", "-c", "shop.yaml"];
    let next = "next: migctl run -c shop.yaml, or migctl submit -c shop.yaml";
    assert!(on_a_terminal(&desk, &valid).contains(next));
    let said = desk.says(&valid, DONE, &["is valid"]);
    assert!(!said.errors.contains("next:") && !said.output.contains("next:"), "{said}");

    desk.says(&["run", "-c", "shop.yaml"], WAITING, &[]);
    let shown = on_a_terminal(&desk, &["list"]);
    assert!(shown.contains("next: migctl status -m shop\r\n"), "{shown}");
    assert!(!on_a_terminal(&desk, &["list", "--output", "json"]).contains("next:"));
    let evidence = on_a_terminal(&desk, &["evidence", "-m", "shop"]);
    assert!(evidence.contains("next: migctl approve metadata -m shop\r\n"), "{evidence}");
}

#[test]
fn colours_are_for_terminals_and_not_where_nobody_wants_them() {
    let desk = Desk::new();
    let logs = ("RUST_LOG", "info");
    let run = |name: &str, variables: &[(&str, &str)]| {
        desk.configure(name, ALL_AUTO);
        on_a_terminal_with(&desk, &["run", "-c", &format!("{name}.yaml")], variables)
    };
    let green = "\u{1b}[32m INFO";
    assert!(run("green", &[logs]).contains(green));
    let plain = run("plain", &[logs, ("NO_COLOR", "1")]);
    assert!(plain.contains(" INFO ") && !plain.contains(green), "{plain}");
    let staffed = Desk::staffed();
    assert!(staffed.logs().iter().all(|log| !log.contains('\u{1b}')), "{:?}", staffed.logs());
}

#[test]
fn man_pages_are_written_for_all_three_programs() {
    let desk = Desk::new();
    desk.says(&["man", "man1"], DONE, &[]);
    for page in ["migctl.1", "migctl-status.1", "migctl-snapshot-inspect.1", "coordinator-start.1", "worker-start.1"] {
        let text = std::fs::read_to_string(desk.place.path().join("man1").join(page)).unwrap();
        assert!(text.contains(".TH") && (page == "migctl.1" || text.contains("Example")), "{page}: {text}");
    }
}
