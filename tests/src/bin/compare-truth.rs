//! `compare-truth EXPORT TRUTH [--index NAME]…`: is an export what the source's server had?
//!
//! Both are NDJSON, of all indices or of the named ones; a truth may be a folder with a file for each index, and then
//! only those indices are compared. Prints the report; exit code 1 where something is wrong, 2 where the comparison
//! can't be made.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use tests::document::Document;
use tests::truth::{self, Compared, Folder, Report};

fn main() -> ExitCode {
    match compare() {
        Ok(report) => {
            println!("{report}");
            if report.is_equal() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

fn compare() -> Result<Report> {
    let mut files = Vec::new();
    let mut indices = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--index" {
            indices.push(arguments.next().context("--index wants a name")?);
        } else {
            files.push(argument);
        }
    }
    let [export, truth] = files.as_slice() else { bail!("usage: compare-truth EXPORT TRUTH [--index NAME]…") };
    let named = |index: &str| indices.is_empty() || indices.iter().any(|name| name == index);
    if !Path::new(truth).is_dir() {
        return truth::compare(open(export)?, open(truth)?, named);
    }
    let folder = Folder::read(Path::new(truth))?;
    let expected = folder.documents.into_iter().filter(|document| named(&document.index)).map(Ok);
    let known = |document: &Document| named(&document.index) && folder.indices.contains(&document.index);
    let found = truth::read(open(export)?, "export").filter(|document| document.as_ref().map_or(true, known));
    truth::compare_documents(found, expected, Compared::Everything)
}

fn open(path: &str) -> Result<BufReader<File>> {
    File::open(path).map(BufReader::new).with_context(|| format!("open {path}"))
}
