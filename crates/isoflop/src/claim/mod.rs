//! A prediction frozen before its run, chained to the one before it; the same prediction judged after the run; and the record of many.

mod distribution;
mod error;
mod record;
mod seal;
mod sealed;
mod verdict;

pub use distribution::Distribution;
pub use error::ClaimError;
pub use record::{Coverage, Entry, TrackRecord};
pub use sealed::{Claim, Sealing};
pub use verdict::Verdict;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::law::published;
    use crate::runs::Run;
    use crate::units::{Params, Tokens};
    use crate::{Fit, FitOptions, Objective, Runs, TableFormat, fit};

    fn fitted() -> Fit {
        let mut table = String::from("params,tokens,loss,tokenizer\n");
        for i in 0..16 {
            let (params, tokens) = (1e8 * 1.9f64.powi(i % 4), 2e9 * 3f64.powi(i / 4));
            let loss = 1.8 + 480.0 / params.powf(0.35) + 2000.0 / tokens.powf(0.37);
            table += &format!("{params},{tokens},{},bpe\n", loss * (1.0 + 0.003 * (12.9 * f64::from(i)).sin()));
        }
        let runs = Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap();
        fit(&runs, &FitOptions { draws: 50, ..FitOptions::hoffmann(Objective::LogLeastSquares) }).unwrap()
    }

    fn sealed(fit: &Fit, name: &str, previous: Option<&Claim>) -> Claim {
        let sealing = Sealing { name, sealed_at: "2026-01-01T00:00:00Z", previous };
        fit.claim(Params::new(1e9).unwrap(), Tokens::new(2e10).unwrap(), 0.9, &sealing).unwrap()
    }

    /// Three claims, each after the one before, and verdicts on the first two.
    fn record() -> (Vec<Claim>, Vec<Verdict>) {
        let fit = fitted();
        let first = sealed(&fit, "one", None);
        let second = sealed(&fit, "two", Some(&first));
        let third = sealed(&fit, "three", Some(&second));
        let verdict = |claim: &Claim, factor: f64| {
            claim.judge(&run(&format!("1e9,2e10,{}", factor * claim.loss.value)), "2026-02-01T00:00:00Z").unwrap()
        };
        let verdicts = vec![verdict(&first, 1.0), verdict(&second, 1.1)];
        (vec![first, second, third], verdicts)
    }

    fn run(row: &str) -> Run {
        run_of("params,tokens,loss", row)
    }

    fn run_of(header: &str, row: &str) -> Run {
        let table = format!("{header}\n{row}\n");
        Runs::read(table.as_bytes(), "t", TableFormat::Csv, false).unwrap().kept.remove(0)
    }

    /// Every bit of every file of a record, turned over: the record is refused, or it is the same record.
    #[test]
    fn no_bit_can_be_turned_over_unnoticed() {
        let (claims, verdicts) = record();
        let same = |text: &[u8], unchanged: &dyn Fn(&str) -> Option<bool>| match std::str::from_utf8(text) {
            Ok(text) => unchanged(text).unwrap_or(true),
            Err(_) => true,
        };
        let mut harmless = 0;
        let mut turn = |text: String, unchanged: &dyn Fn(&str) -> Option<bool>| {
            for place in 0..text.len() {
                for bit in 0..8 {
                    let mut bytes = text.clone().into_bytes();
                    bytes[place] ^= 1 << bit;
                    assert!(same(&bytes, unchanged), "{}", String::from_utf8_lossy(&bytes));
                    harmless += usize::from(std::str::from_utf8(&bytes).is_ok_and(|text| unchanged(text).is_some()));
                }
            }
        };
        turn(claims[0].to_json(), &|text| Some(Claim::from_json(text, "c").ok()? == claims[0]));
        turn(claims[1].to_json(), &|text| Some(Claim::from_json(text, "c").ok()? == claims[1]));
        turn(verdicts[0].to_json(), &|text| Some(Verdict::from_json(text, "v").ok()? == verdicts[0]));
        // White space that stays white space, and last digits that do not tell.
        assert!(harmless > 0 && harmless < 4_000, "{harmless}");
    }

    #[test]
    fn a_claim_with_its_hash_made_anew_breaks_the_chain() {
        let (mut claims, _) = record();
        claims[0].level = 0.5;
        claims[0].hash = claims[0].content_hash();
        let forged = Claim::from_json(&claims[0].to_json(), "c").unwrap();
        assert_eq!(forged, claims[0]);
        assert!(matches!(Claim::check_chain(&claims), Err(ClaimError::BrokenChain { name }) if name == "two"));
    }

    #[test]
    fn nothing_can_be_added_to_a_file() {
        let text = sealed(&fitted(), "one", None).to_json();
        for (from, to) in [
            ("\"level\": 0.9", "\"level\": 0.9, \"note\": \"I meant 0.5\""),
            ("\"previous\": null,", ""),
            ("\"shares\": [", "\"remark\": 1, \"shares\": ["),
        ] {
            let altered = text.replacen(from, to, 1);
            assert_ne!(altered, text, "{from}");
            let error = Claim::from_json(&altered, "c").unwrap_err();
            assert!(matches!(error, ClaimError::Unsealed { .. }), "{error}");
        }
        let twice = text.replacen("\"level\": 0.9", "\"level\": 0.9, \"level\": 0.9", 1);
        assert!(matches!(Claim::from_json(&twice, "c"), Err(ClaimError::Malformed { .. })));
        let reformatted = text.replace('\n', "\r\n");
        assert_eq!(Claim::from_json(&reformatted, "c").unwrap().to_json(), text);
    }

    #[test]
    fn removed_and_moved_claims_are_noticed() {
        let (claims, verdicts) = record();
        let whole = TrackRecord::new(claims.clone(), verdicts.clone()).unwrap();
        for order in [vec![1, 2], vec![0, 2], vec![1, 0, 2], vec![0, 2, 1], vec![0, 1, 1, 2]] {
            let picked: Vec<Claim> = order.iter().map(|place| claims[*place].clone()).collect();
            let error = TrackRecord::new(picked, Vec::new()).unwrap_err();
            assert!(matches!(error, ClaimError::BrokenChain { .. }), "{order:?}: {error}");
        }
        // A verdict, or a hash made known, tells of claims removed from the end.
        let error = TrackRecord::new(claims[..1].to_vec(), verdicts.clone()).unwrap_err();
        assert!(matches!(error, ClaimError::OrphanVerdict { .. }));
        let shortened = TrackRecord::new(claims[..2].to_vec(), verdicts).unwrap();
        let head = whole.head.as_deref().unwrap();
        whole.check_known(head).unwrap();
        assert!(matches!(shortened.check_known(head), Err(ClaimError::Missing { .. })));
    }

    #[test]
    fn verdicts_that_do_not_follow_are_noticed() {
        let (claims, verdicts) = record();
        let mut doubled = verdicts.clone();
        doubled.push(verdicts[0].clone());
        assert!(matches!(TrackRecord::new(claims.clone(), doubled), Err(ClaimError::TwoVerdicts { .. })));
        let mut flattered = verdicts;
        flattered[1].inside = true;
        assert!(matches!(TrackRecord::new(claims, flattered), Err(ClaimError::FalseVerdict { .. })));
    }

    #[test]
    fn a_record_counts_what_held() {
        let (claims, verdicts) = record();
        let record = TrackRecord::new(claims, verdicts).unwrap();
        assert_eq!((record.claims.len(), record.judged, record.inside), (3, 2, 1));
        assert!((record.expected_inside - 1.8).abs() < 1e-12);
        // One inside or fewer of two at 0.9 each: 1 - 0.81.
        assert!((record.so_few.unwrap() - 0.19).abs() < 1e-12 && (record.so_many.unwrap() - 0.99).abs() < 1e-12);
        assert!(record.coverage.iter().all(|coverage| (coverage.judged, coverage.inside) == (2, 1)));
        assert!((record.mean_error.unwrap() - 0.5 * (1.0 / 1.1 - 1.0)).abs() < 1e-12);
        assert_eq!(record.percentiles.len(), 2);
        assert!((record.percentiles[0] - 0.5).abs() < 0.1 && record.percentiles[1] == 0.995);
        let empty = TrackRecord::new(Vec::new(), Vec::new()).unwrap();
        assert_eq!((empty.judged, empty.so_few, empty.sharpness), (0, None, None));
    }

    #[test]
    fn verdicts_are_inside_or_not() {
        let claim = sealed(&fitted(), "one", None);
        let (low, high) = (claim.loss.lo.unwrap(), claim.loss.hi.unwrap());
        for (loss, inside, percentile) in [
            (claim.loss.value, true, 0.5),
            (1.0001 * low, true, 0.05),
            (0.9999 * low, false, 0.05),
            (0.9999 * high, true, 0.95),
            (1.0001 * high, false, 0.95),
        ] {
            let verdict = claim.judge(&run(&format!("1e9,2e10,{loss}")), "now").unwrap();
            assert_eq!(verdict.inside, inside, "{loss}");
            assert!((verdict.percentile - percentile).abs() < 0.1, "{loss}: {}", verdict.percentile);
            assert!((verdict.error - (claim.loss.value / loss - 1.0)).abs() < 1e-12);
            assert_eq!(Verdict::from_json(&verdict.to_json(), "v").unwrap(), verdict);
        }
    }

    #[test]
    fn another_run_is_refused() {
        let claim = sealed(&fitted(), "one", None);
        let error = claim.judge(&run("2e9,2e10,2.5"), "now").unwrap_err();
        assert!(matches!(error, ClaimError::OtherRun { quantity: "params", .. }));
        for (header, row, expected) in [
            ("params,tokens,loss,tokenizer", "1e9,2e10,2.5,words", "the run's tokenizer is words"),
            ("params,tokens,loss,step,max_steps", "1e9,2e10,2.5,5,10", "its schedule has not ended (step is 5 of 10)"),
            ("params,tokens,loss", "1e9,2.2e10,2.5", "the run has tokens"),
            ("params,tokens,loss,epochs", "1e9,2e10,2.5,4", "the run has distinct tokens 5.0000e9"),
        ] {
            let error = claim.judge(&run_of(header, row), "now").unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        claim.judge(&run_of("params,tokens,loss,tokenizer", "1.02e9,2e10,2.5,bpe"), "now").unwrap();
    }

    #[test]
    fn a_point_without_interval_is_no_claim() {
        let fit = Fit::from_published(published("besiroglu2024").unwrap());
        let sealing = Sealing { name: "x", sealed_at: "now", previous: None };
        let claim = fit.claim(Params::new(1e9).unwrap(), Tokens::new(2e10).unwrap(), 0.9, &sealing);
        assert!(matches!(claim, Err(ClaimError::NoInterval)));
    }
}
