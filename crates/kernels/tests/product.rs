//! Products with quantized weights: equal on all instructions, threads and batches, and right.

use espalier_kernels::{
    Activations, Format, Instructions, PackError, Quantized, multiply, multiply_with,
};
use proptest::prelude::*;
use rayon::ThreadPoolBuilder;

/// Numbers that look random, from a seed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn activations(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next() as f32 / 2.0_f32.powi(30) - 1.0).collect()
    }

    /// Blocks of any codes, with scales of 2⁻⁹ to 2⁻⁵ of either sign.
    fn rows(&mut self, format: Format, inputs: usize, outputs: usize) -> Vec<Vec<u8>> {
        let row = |noise: &mut Self| {
            let mut row = Vec::new();
            for _ in 0..inputs / format.values() {
                let mut block: Vec<u8> = (0..format.bytes()).map(|_| noise.next() as u8).collect();
                for at in half_places(format) {
                    let half =
                        (noise.next() % 0x1000 + 0x1800) as u16 | (noise.next() as u16) << 15;
                    block[*at..at + 2].copy_from_slice(&half.to_le_bytes());
                }
                row.extend(block);
            }
            row
        };
        (0..outputs).map(|_| row(self)).collect()
    }
}

/// Where a block has its halves.
fn half_places(format: Format) -> &'static [usize] {
    match format {
        Format::Q8_0 | Format::Q4_0 | Format::Q5_0 => &[0],
        Format::Q4_1 | Format::Q5_1 | Format::Q4K | Format::Q5K => &[0, 2],
        Format::Q6K => &[208],
    }
}

fn pack(format: Format, inputs: usize, rows: &[Vec<u8>]) -> Quantized {
    let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
    Quantized::pack(format, inputs, &rows).expect("scales are finite")
}

/// All instruction sets of this machine; those that it lacks are named where one looks at the output.
#[expect(clippy::print_stderr, reason = "a test says what it could not run")]
fn available() -> Vec<Instructions> {
    let available: Vec<Instructions> = Instructions::available().collect();
    let names: Vec<&str> = available.iter().map(|instructions| instructions.name()).collect();
    let all = ["avx512-vnni", "avx-vnni", "avx2", "portable"];
    assert!(names.iter().all(|name| all.contains(name)), "{names:?}");
    for name in all.iter().filter(|name| !names.contains(name)) {
        eprintln!("NOT TESTED: this machine has no {name}");
    }
    available
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

/// What activations are rounded to: the nearest of 127 steps of the largest of each 32.
fn rounded(values: &[f32]) -> Vec<f64> {
    let block = |block: &[f32]| {
        let largest = block.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
        let scale = f64::from(largest / 127.0);
        block.iter().map(|x| (f64::from(*x) / scale).round() * scale).collect::<Vec<f64>>()
    };
    values.chunks(32).flat_map(block).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_instruction_set_thread_count_and_batch_gives_the_same_right_bits(
        formats in prop::collection::vec(0_usize..8, 1..4),
        outputs in prop::collection::vec(1_usize..70, 3),
        // Up to more blocks than are taken apart at a time.
        supers in 1_usize..6,
        n_rows in 1_usize..71,
        threads in 1_usize..5,
        biased in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let mut noise = Noise(seed);
        let formats: Vec<Format> = formats.into_iter().map(|at| Format::ALL[at]).collect();
        let small = formats.iter().all(|format| format.values() == 32);
        let inputs = if small { supers * 96 } else { supers * 256 };
        let matrices: Vec<Quantized> = formats
            .iter()
            .zip(&outputs)
            .map(|(&format, &outputs)| pack(format, inputs, &noise.rows(format, inputs, outputs)))
            .collect();
        let width: usize = matrices.iter().map(Quantized::outputs).sum();
        let values = noise.activations(n_rows * inputs);
        let bias = biased.then(|| noise.activations(width));
        let rows = Activations::new(inputs, &values);
        let mut expected = vec![f32::NAN; n_rows * width];
        multiply_with(Instructions::Portable, &matrices, &rows, bias.as_deref(), &mut expected);
        let pool = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let row = n_rows / 2;
        let one = &values[row * inputs..][..inputs];
        let mut alone = vec![f32::NAN; width];
        for instructions in Instructions::available() {
            let multiplied = |values: &[f32]| {
                let rows = Activations::new(inputs, values);
                let mut output = vec![f32::NAN; rows.rows() * width];
                multiply_with(instructions, &matrices, &rows, bias.as_deref(), &mut output);
                output
            };
            let found = pool.install(|| multiplied(&values));
            prop_assert_eq!(bits(&found), bits(&expected), "{}", instructions.name());
            // Few rows take another way.
            for n_rows in 1..=3.min(n_rows - row) {
                let found = multiplied(&values[row * inputs..][..n_rows * inputs]);
                let expected = &expected[row * width..][..n_rows * width];
                prop_assert_eq!(bits(&found), bits(expected), "{}", instructions.name());
            }
            alone = multiplied(one);
        }

        let near = rounded(one);
        let mut column = 0;
        for matrix in &matrices {
            let mut weights = vec![0.0; inputs];
            for output in 0..matrix.outputs() {
                matrix.row(output, &mut weights);
                let products = || weights.iter().zip(&near).map(|(w, x)| f64::from(*w) * x);
                let (sum, size) = (products().sum::<f64>(), products().map(f64::abs).sum::<f64>());
                let sum = sum + bias.as_ref().map_or(0.0, |bias| f64::from(bias[column]));
                // A tie may be rounded to the other side: one step in one input.
                let step = near.iter().fold(0.0_f64, |a, x| a.max(x.abs())) / 127.0
                    * weights.iter().fold(0.0_f64, |a, w| a.max(f64::from(w.abs())));
                let error = (f64::from(alone[column]) - sum).abs();
                prop_assert!(error <= 2e-6 * size + 1.01 * step + 1e-7 * sum.abs(), "{error:e} of {size}");
                column += 1;
            }
        }
    }
}

/// Bytes that blocks are filled with, and the sign of the activations.
const EXTREMES: [(u8, f32); 7] =
    [(0xff, 1.0), (0xff, -1.0), (0x80, 1.0), (0x80, -1.0), (0x7f, 1.0), (0x7f, -1.0), (0, 1.0)];

#[test]
fn extreme_codes_do_not_overflow() {
    let available = available();
    // As many panels as lie side by side, and one more.
    let outputs = 24;
    for format in Format::ALL {
        for (fill, sign) in EXTREMES {
            let mut block = vec![fill; format.bytes()];
            for at in half_places(format) {
                block[*at..at + 2].copy_from_slice(&0x3c00_u16.to_le_bytes());
            }
            let inputs = format.values();
            let matrix = pack(format, inputs, &vec![block; outputs]);
            let mut weights = vec![0.0; inputs];
            matrix.row(0, &mut weights);
            let expected: f64 =
                weights.iter().map(|w| f64::from(*w) * 127.0 * f64::from(sign)).sum();
            // One row, and as many as take other ways.
            for (n_rows, instructions) in
                [1, 5, 9].into_iter().flat_map(|n| available.iter().map(move |all| (n, *all)))
            {
                let rows = Activations::new(inputs, &vec![127.0 * sign; n_rows * inputs]);
                let mut found = vec![0.0; n_rows * outputs];
                multiply_with(instructions, &[&matrix], &rows, None, &mut found);
                for found in found {
                    let error = (f64::from(found) - expected).abs();
                    let name = instructions.name();
                    assert!(
                        error <= 1e-6 * expected.abs(),
                        "{format:?} by {name}: {found}, not {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn scales_that_are_not_numbers_are_refused_by_row() {
    let mut noise = Noise(1);
    for format in Format::ALL {
        for place in half_places(format) {
            let mut rows = noise.rows(format, 512, 21);
            let at = rows[17].len() - format.bytes() + place;
            rows[17][at..at + 2].copy_from_slice(&0x7e00_u16.to_le_bytes());
            let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
            let error = Quantized::pack(format, 512, &rows).unwrap_err();
            assert_eq!(error, PackError::NotFinite { row: 17 }, "{format:?}");
        }
    }
}

#[test]
fn activations_that_are_not_numbers_come_through() {
    let mut noise = Noise(2);
    let matrices = Format::ALL.map(|format| pack(format, 256, &noise.rows(format, 256, 9)));
    for bad in [f32::NAN, f32::INFINITY] {
        let mut values = noise.activations(9 * 256);
        values[256 + 70] = bad;
        for (n_rows, instructions) in
            [2, 9].into_iter().flat_map(|n| Instructions::available().map(move |all| (n, all)))
        {
            let mut output = vec![0.0; n_rows * 9 * matrices.len()];
            let rows = Activations::new(256, &values[..n_rows * 256]);
            multiply_with(instructions, &matrices, &rows, None, &mut output);
            for (row, outputs) in output.chunks(9 * matrices.len()).enumerate() {
                assert!(outputs.iter().all(|output| output.is_nan() == (row == 1)));
            }
        }
    }
}

#[test]
fn no_rows_and_no_outputs_are_nothing_to_do() {
    let matrix = pack(Format::Q4_0, 32, &[]);
    multiply(&[matrix], &Activations::new(32, &[1.0; 64]), None, &mut []);
    let matrix = pack(Format::Q4_0, 32, &Noise(3).rows(Format::Q4_0, 32, 3));
    multiply(&[matrix], &Activations::new(32, &[]), None, &mut []);
}

#[test]
fn packed_weights_take_the_memory_of_the_file() {
    for format in Format::ALL {
        let rows = Noise(4).rows(format, 1024, 64);
        let (stored, packed) =
            (rows.concat().len() as f64, pack(format, 1024, &rows).bytes() as f64);
        assert!(packed <= 1.035 * stored, "{format:?}: {packed} of {stored}");
    }
}
