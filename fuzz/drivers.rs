//! What any bytes are put through, and what must hold of the answers; shared by the fuzz targets and by the tests on stable.

use isoflop::law::{Scales, Setting, all};
use isoflop::{Claim, Filter, Fit, Flops, Params, Point, Runs, TableFormat, Tokens, Verdict};

/// A table of runs and of points, in both formats: runs, points, or a refusal in words.
pub(crate) fn table(bytes: &[u8]) {
    for format in [TableFormat::Csv, TableFormat::JsonLines] {
        for lenient in [false, true] {
            match Runs::read(bytes, "t", format, lenient) {
                Ok(runs) => {
                    for run in &runs.kept {
                        let numbers = [run.params.get(), run.tokens.get(), run.flops.get(), run.loss.get()];
                        assert!(numbers.iter().all(|number| *number > 0.0 && number.is_finite()), "{run:?}");
                        assert!(run.loss_se.is_none_or(|error| error > 0.0 && error.is_finite()), "{run:?}");
                    }
                    assert_eq!(runs.fingerprint().len(), 64);
                    let (kept, dropped) = (runs.kept.len(), runs.dropped.len());
                    if let (Ok(filter), false) = ("loss=2.5".parse::<Filter>(), runs.kept.is_empty()) {
                        let filtered = runs.filtered(&[filter]).unwrap();
                        assert_eq!(filtered.kept.len() + filtered.dropped.len(), kept + dropped);
                    }
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        let _ = Point::read(bytes, "t", format);
    }
}

/// Consecutive numbers of `bytes`, read as bit patterns; zeros once they have run out.
fn numbers(bytes: &[u8]) -> impl FnMut() -> f64 {
    let mut rest = bytes.iter().copied();
    move || f64::from_bits(u64::from_le_bytes(std::array::from_fn(|_| rest.next().unwrap_or(0))))
}

/// The law that the first byte names, at parameters and settings of any bit pattern.
pub(crate) fn law(bytes: &[u8]) {
    let Some((first, bytes)) = bytes.split_first() else { return };
    let laws = all();
    let law = &laws[usize::from(*first) % laws.len()];
    let mut next = numbers(bytes);
    let [params, tokens, unique_tokens, flops] = std::array::from_fn(|_| next());
    let at = Setting { params, tokens, unique_tokens, flops, recipe: 0 };
    let domains: Vec<_> = law.parameters().iter().map(|parameter| parameter.domain).collect();
    let parameters: Vec<f64> = domains.iter().map(|_| next()).collect();
    let units = Scales { params: next(), tokens: next(), flops: next() };

    let mut gradient = vec![0.0; parameters.len()];
    let loss = law.loss_and_gradient(&parameters, &at, &mut gradient);
    assert_eq!(loss.to_bits(), law.loss(&parameters, &at).to_bits(), "{} {parameters:?} {at:?}", law.name());
    assert_eq!(law.in_bare_units(&parameters, &units).len(), parameters.len());
    let _ = law.derived(&parameters);

    // Within its domain and within anything that was ever trained, a law gives a loss.
    let ordinary = |number: f64, low: f64, high: f64| low <= number && number <= high;
    // M4 says itself that it has no loss where guessing is better than its floor.
    let guessing_is_worse = !law.name().starts_with("m4-") || parameters[1] > parameters[0];
    let inside = guessing_is_worse
        && domains.iter().zip(&parameters).all(|(domain, value)| domain.contains(*value))
        && parameters.iter().all(|value| ordinary(value.abs(), 1e-3, 1e3))
        && ordinary(params, 1.0, 1e16)
        && ordinary(tokens, 1.0, 1e18)
        && ordinary(unique_tokens, 1.0, tokens)
        && ordinary(flops, 1.0, 1e34);
    if inside {
        assert!(!loss.is_nan(), "{} {parameters:?} {at:?}", law.name());
    }
    if let Some(ln_params) = law.best_ln_params(&parameters, flops) {
        assert!(!inside || ln_params.is_finite(), "{} best at {flops:e}: {ln_params} {parameters:?}", law.name());
    }
    if let Some(flops) = law.equivalent_flops(&parameters, next()) {
        assert!(!inside || !flops.is_nan(), "{} {parameters:?}", law.name());
    }
}

/// A fit's file: what is read can be asked anything, and can be written and read again.
pub(crate) fn fit_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(fit) = Fit::from_json(text, "f") else { return };
    let again = fit.to_json(0.9, &Default::default());
    if let Err(error) = Fit::from_json(&again, "f") {
        panic!("{error}: {text} became {again}");
    }
    for (params, tokens) in [(1e9, 2e10), (1.0, 1.0), (1e15, 1e18), (5e-324, 5e-324), (1e300, 1e-300), (1e200, 1e200)] {
        let (Ok(params), Ok(tokens)) = (Params::new(params), Tokens::new(tokens)) else { continue };
        for level in [0.5, 0.999_999] {
            if let Ok(prediction) = fit.predict(params, tokens, level) {
                let loss = prediction.loss;
                assert!(loss.value > 0.0 && loss.value.is_finite(), "{loss:?} of {text}");
                let ends = [loss.lo, loss.hi].into_iter().flatten();
                assert!(ends.into_iter().all(|end| !end.is_nan()), "{loss:?} of {text}");
            }
        }
    }
    for flops in [1e-300, 1e10, 1e24, 1e300] {
        if let Ok(plan) = Flops::new(flops).map_err(|_| ()).and_then(|flops| fit.plan(flops, None, 0.9).map_err(|_| ()))
        {
            assert!(plan.params.value.is_finite() && plan.loss.value.is_finite(), "{flops:e}: {plan:?}");
        }
    }
}

/// A claim's or a verdict's file: what is read carries its own seal.
pub(crate) fn claim_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(verdict) = Verdict::from_json(text, "v") {
        assert!(Verdict::from_json(&verdict.to_json(), "v").is_ok());
    }
    match Claim::from_json(text, "c") {
        Ok(claim) => {
            assert!(Claim::from_json(&claim.to_json(), "c").is_ok());
            let _ = Claim::check_chain(&[claim.clone(), claim]);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
