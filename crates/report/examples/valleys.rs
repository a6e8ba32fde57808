//! Draws the IsoFLOP valleys of a table of runs: `cargo run --example valleys -- runs.csv valleys.svg [COLUMN=VALUE...]`.

use std::error::Error;
use std::fs::{self, File};
use std::io::BufReader;

use isoflop::{Filter, FitOptions, Runs, TableFormat, fit};
use isoflop_report::figure::{Page, Theme};
use isoflop_report::{ValleysInput, svg, valleys};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(table), Some(figure)) = (arguments.next(), arguments.next()) else {
        return Err("usage: valleys RUNS FIGURE.svg [COLUMN=VALUE...]".into());
    };
    let filters = arguments.map(|text| text.parse()).collect::<Result<Vec<Filter>, _>>()?;
    let reader = BufReader::new(File::open(&table)?);
    let runs = Runs::read(reader, &table, TableFormat::of_name(&table), false)?.filtered(&filters)?;
    let fit = fit(&runs, &FitOptions::default())?;
    let theme = Theme::Light;
    let drawn = valleys(&ValleysInput { runs: &runs, fit: &fit, level: 0.9, claim: None, verdict: None });
    fs::write(figure, svg(&drawn, &Page { theme, width: None }))?;
    Ok(())
}
