//! Holds each SIE file of a folder against the manifest beside it.
use rust_decimal::Decimal;
use sie4::{item::Item, Reader};
use std::{collections::BTreeMap, fs, path::Path, process::exit};

fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let (mut passed, mut failed) = (0, 0);
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    for path in names {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".si") {
            continue;
        }
        let problem = check_sie(&path);
        match problem {
            None => passed += 1,
            Some(text) => {
                failed += 1;
                println!("{name}: {text}");
            }
        }
    }
    println!("SIE: {passed} passed, {failed} failed");
    exit(if failed == 0 && passed > 0 { 0 } else { 1 });
}

/// The crate knows no dimensions and no internal company number: those lines are left out before it reads.
fn check_sie(path: &Path) -> Option<String> {
    let bytes = fs::read(path).unwrap();
    let known: Vec<u8> = bytes
        .split_inclusive(|b| *b == b'\n')
        .filter(|line| ![&b"#DIM "[..], b"#OBJEKT ", b"#FNR "].iter().any(|label| line.starts_with(label)))
        .flatten()
        .copied()
        .collect();
    let (mut sums, mut vouchers, mut lines) = (BTreeMap::<String, Decimal>::new(), 0, 0);
    for item in Reader::new(&known[..]) {
        match item {
            Err(error) => return Some(format!("{error} after {vouchers} vouchers")),
            Ok(Item::Ver(voucher)) => {
                vouchers += 1;
                let entries = &voucher.transactions.0;
                lines += entries.len();
                let rest: Decimal = entries.iter().map(|t| t.amount).sum();
                if rest != Decimal::ZERO {
                    return Some(format!("voucher {} {} is off by {rest}", voucher.series, voucher.no));
                }
                for entry in entries {
                    *sums.entry(entry.account.to_string()).or_default() += entry.amount;
                }
            }
            Ok(_) => {}
        }
    }
    let manifest_path = path.to_string_lossy().replace(".si", "-manifest.json");
    let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest_path).unwrap()).unwrap();
    let totals = &manifest["totals"];
    if totals["vouchers"] != vouchers || totals["lines"] != lines {
        return Some(format!("{vouchers} vouchers and {lines} lines were read, the manifest has {} and {}", totals["vouchers"], totals["lines"]));
    }
    let stated: BTreeMap<String, Decimal> = totals["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| (a["glAccount"].as_str().unwrap().to_owned(), a["balance"].as_str().unwrap().parse().unwrap()))
        .collect();
    if stated == sums { None } else { Some(format!("accounts come to {sums:?}, the manifest has {stated:?}")) }
}
