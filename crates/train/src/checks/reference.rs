//! A gradient and ten steps of several models against the frozen values of an independent PyTorch script,
//! `tests/reference/reference.py`.

use serde::Deserialize;

use crate::kernels::buffer::Buffer;
use crate::kernels::dispatch::at_every_level;
use crate::model::pass::Weights;
use crate::spec::RunSpec;
use crate::trainer::Trainer;

#[derive(Deserialize)]
struct Frozen {
    spec: RunSpec,
    params: usize,
    tokens: Vec<u16>,
    losses: Vec<f64>,
    gradient_norms: Vec<f64>,
}

/// What the script wrote under `name`: weights, their gradient, and the weights after the steps.
fn frozen(name: &str) -> (Frozen, [Vec<f32>; 3]) {
    let file = |ending| format!("{}/tests/reference/{name}.{ending}", env!("CARGO_MANIFEST_DIR"));
    let frozen: Frozen = serde_json::from_str(&std::fs::read_to_string(file("json")).unwrap()).unwrap();
    let bytes = std::fs::read(file("bin")).unwrap();
    let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    assert_eq!(numbers.len(), 3 * frozen.params);
    let section = |number: usize| numbers[number * frozen.params..][..frozen.params].to_vec();
    let sections = [0, 1, 2].map(section);
    (frozen, sections)
}

fn relative_error(ours: &[f32], theirs: &[f32]) -> f64 {
    let square = |x: f32| f64::from(x).powi(2);
    let difference: f64 = ours.iter().zip(theirs).map(|(a, b)| square(a - b)).sum();
    (difference / theirs.iter().map(|x| square(*x)).sum::<f64>()).sqrt()
}

fn trainer(frozen: &Frozen, weights: &[f32]) -> Trainer<f32> {
    let mut trainer = Trainer::new(&frozen.spec, 1);
    let mut values = Buffer::zeros(weights.len());
    values.copy_from_slice(weights);
    trainer.weights = Weights::new(&trainer.model.layout, values);
    trainer
}

/// The sequences of each step.
fn batches(frozen: &Frozen) -> Vec<Vec<&[u16]>> {
    let windows: Vec<&[u16]> = frozen.tokens.chunks(frozen.spec.architecture.context + 1).collect();
    windows.chunks(frozen.spec.batch_sequences).map(<[_]>::to_vec).collect()
}

/// The gated model, gelu in a plain block with a tied head, squared relu in a plain block with normalised queries and keys, and the
/// gated model with Muon.
const MODELS: [&str; 4] = ["frozen", "gelu_tied", "relu_squared_qk_norm", "muon"];

#[test]
fn the_gradient_equals_that_of_autograd_on_every_instruction_set() {
    for name in MODELS {
        let (frozen, [weights, gradient, _]) = frozen(name);
        at_every_level(|level| {
            let mut trainer = trainer(&frozen, &weights);
            let loss = trainer.gradient(&batches(&frozen)[0]);
            let error = relative_error(trainer.last_gradient(), &gradient);
            println!(
                "{name}, {level:?}: relative L2 error {error:.2e}; loss {loss:.7} (torch {:.7})",
                frozen.losses[0]
            );
            assert!(error < 1e-5, "{name}, {level:?}: relative L2 error {error}");
        });
    }
}

#[test]
fn ten_steps_give_the_losses_and_weights_of_pytorch() {
    for name in MODELS {
        ten_steps(name);
    }
}

fn ten_steps(name: &str) {
    let (frozen, [weights, _, last_weights]) = frozen(name);
    let mut trainer = trainer(&frozen, &weights);
    let spec = &frozen.spec;
    assert!(frozen.gradient_norms.iter().any(|&norm| norm > spec.optimizer.clip_norm), "the clipping is exercised");
    for (step, batch) in batches(&frozen).into_iter().enumerate() {
        let loss = trainer.gradient(&batch);
        let norm = trainer.gradient_norm();
        println!("{name}, step {step}: loss {loss:.6} (torch {:.6}), norm {norm:.6}", frozen.losses[step]);
        assert!((loss - frozen.losses[step]).abs() < 1e-5, "{name}: loss of step {step}");
        assert!((norm / frozen.gradient_norms[step] - 1.0).abs() < 1e-4, "{name}: gradient norm of step {step}");
        trainer.update(spec, step as u64, spec.schedule.rate_share(step as u64, spec.steps), norm);
    }
    // AdamW divides by the root of a second moment that starts near zero, which amplifies the rounding of small gradients.
    let error = relative_error(&trainer.weights.values, &last_weights);
    println!("{name}, weights after ten steps: relative L2 error {error:.2e}");
    assert!(error < 1e-3, "{name}: relative L2 error {error}");
}
