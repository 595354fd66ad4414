//! wattledger-bench-peer FILE SECONDS parsed|text: CDRs per second on one thread with ocpi-tariffs.
use std::time::Instant;

use chrono_tz::Tz;
use ocpi_tariffs::{cdr, json, price, tariff, Version};
use serde_json::value::RawValue;
use serde_json::Value;

#[derive(Clone)]
struct Line {
    version: Version,
    zone: Tz,
    cdr: String,
    tariff: Option<String>,
}

fn read(file: &str) -> Vec<Line> {
    let text = std::fs::read_to_string(file).expect("the file of vectors");
    text.lines()
        .map(|line| {
            let fields: std::collections::HashMap<String, Box<RawValue>> = serde_json::from_str(line).expect("a vector");
            let string = |key: &str| serde_json::from_str::<Value>(fields[key].get()).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
            let tariff = fields.get("tariff").map(|t| t.get().to_owned()).filter(|t| t != "null");
            Line {
                version: if string("ocpi_version") == "2.1.1" { Version::V211 } else { Version::V221 },
                zone: string("timezone").parse().expect("a time zone"),
                cdr: fields["cdr"].get().to_owned(),
                tariff,
            }
        })
        .collect()
}

/// From text to a price; the report is dropped unwritten, which favours the peer.
fn price_text(line: &Line) -> bool {
    let Ok(doc) = json::parse_object(&line.cdr) else { return false };
    let (cdr, _) = cdr::from_json(doc, line.version).into_parts();
    let source = match &line.tariff {
        None => price::TariffSource::UseCdr,
        Some(text) => {
            let Ok(doc) = json::parse_object(text) else { return false };
            price::TariffSource::single(tariff::from_json(doc, line.version).into_parts().0)
        }
    };
    cdr::price(&cdr, source, line.zone).is_ok()
}

fn per_second(seconds: f64, lines: usize, mut pass: impl FnMut()) -> f64 {
    let started = Instant::now();
    let mut done = 0;
    while started.elapsed().as_secs_f64() < seconds {
        pass();
        done += lines;
    }
    done as f64 / started.elapsed().as_secs_f64()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let seconds: f64 = arguments[2].parse().expect("seconds");
    let lines: Vec<Line> = read(&arguments[1]).into_iter().filter(price_text).collect();
    let figure = if arguments[3] == "text" {
        per_second(seconds, lines.len(), || assert!(lines.iter().all(price_text)))
    } else {
        let parsed: Vec<_> = lines
            .iter()
            .map(|line| {
                let cdr = cdr::from_json(json::parse_object(&line.cdr).expect("a CDR"), line.version).into_parts().0;
                let tariff = line.tariff.as_ref().map(|text| tariff::from_json(json::parse_object(text).expect("a tariff"), line.version).into_parts().0);
                (cdr, tariff, line.zone)
            })
            .collect();
        per_second(seconds, parsed.len(), || {
            for (cdr, tariff, zone) in &parsed {
                let source = tariff.clone().map_or(price::TariffSource::UseCdr, price::TariffSource::single);
                assert!(cdr::price(cdr, source, *zone).is_ok());
            }
        })
    };
    println!("{figure:.0} {}", lines.len());
}
