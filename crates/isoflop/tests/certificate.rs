//! Is the optimum of the public runs proved to be the best there is?

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod public;

use isoflop::fit::Provenance;
use isoflop::{Fit, FitOptions, fit};

#[test]
fn the_published_optimum_is_proved_to_a_few_percent() {
    let Some(runs) = public::chinchilla() else { return };
    for objective in ["huber:1e-3", "log-ls", "lad", "quantile:0.3", "asymmetric:10"] {
        let options = FitOptions { draws: 0, ..FitOptions::hoffmann(objective.parse().unwrap()) };
        let proved = fit(&runs, &options).unwrap();
        let certificate = *proved.certificate().unwrap();
        // The work ends at two percent, and needs few cells: four hundred is where it gives up.
        assert!(certificate.is_closed && certificate.gap <= 0.02, "{objective} {certificate:?}");
        assert!(certificate.cells < 40, "{objective} {certificate:?}");
        assert!(certificate.lower_bound < proved.objective_value().unwrap());
        assert_eq!(proved.basins().len(), 1);

        let text = proved.to_json(0.9, &Provenance::default());
        assert_eq!(Fit::from_json(&text, "fit.json").unwrap().certificate(), Some(&certificate));
        let plain = fit(&runs, &FitOptions { certify: false, ..options }).unwrap();
        assert_eq!((plain.certificate(), plain.point()), (None, proved.point()));
    }
}
