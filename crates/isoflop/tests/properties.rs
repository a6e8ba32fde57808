//! What no input may break: readers answer or refuse, and what is printed reads back.

#![allow(clippy::unwrap_used)]

use isoflop::{Claim, Fit, Params, Point, Runs, Seconds, TableFormat};
use proptest::prelude::*;

proptest! {
    #[test]
    fn tables_of_any_bytes_are_runs_or_refusals(bytes in prop::collection::vec(any::<u8>(), 0..400), lenient: bool) {
        for format in [TableFormat::Csv, TableFormat::JsonLines] {
            let _ = Runs::read(&bytes[..], "t", format, lenient);
            let _ = Point::read(&bytes[..], "t", format);
        }
    }

    #[test]
    fn every_row_is_kept_or_dropped(cells in prop::collection::vec(("[-+0-9.eNaBMT]{0,6}", "[-+0-9.e]{0,6}", "[0-9.naN-]{0,5}"), 1..20)) {
        let rows: String = cells.iter().map(|(params, tokens, loss)| format!("{params},{tokens},{loss}\n")).collect();
        let table = format!("params,tokens,loss\n{rows}1e9,2e10,2.5\n");
        if let Ok(runs) = Runs::read(table.as_bytes(), "t", TableFormat::Csv, true) {
            prop_assert_eq!(runs.kept.len() + runs.dropped.len(), cells.len() + 1);
        }
    }

    #[test]
    fn files_of_any_text_are_refused(text in ".{0,300}") {
        prop_assert!(Fit::from_json(&text, "f").is_err());
        prop_assert!(Claim::from_json(&text, "c").is_err());
    }

    #[test]
    fn printed_counts_read_back_to_their_digits(value in 1e-3f64..1e30) {
        let printed = Params::new(value).unwrap().to_string();
        let read: Params = printed.parse().unwrap();
        prop_assert!((read.get() / value - 1.0).abs() < 1e-3, "{} as {}", value, printed);
    }

    #[test]
    fn any_text_is_a_time_or_an_error(text in ".{0,12}") {
        let _ = text.parse::<Seconds>();
    }
}
