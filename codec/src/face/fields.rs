//! The basis of motion as models hold it: whole numbers, each expected from its neighbours.

use super::{
    grid::{Field, Grid},
    step::power,
    subspace::Basis,
};
use crate::entropy::{Context, CorruptError, Port};

/// What is told apart of the motion of a node when a component is used as far as it mostly is, in
/// pixels of the working picture.
const QUANTUM: f32 = 1.0 / 20.0;
/// Grades of how much goes on around a node.
const GRADES: usize = 6;
/// "Larger than 0, 1, 2 …": the last stands for all further.
const LADDER: usize = 14;
/// No node moves by more quanta.
const MOST: i32 = 4_000;

/// Writes or reads a basis, and gives what is read. `spreads`: how far each component goes, as
/// 8 × log₂ of the standard deviation.
pub(super) fn code(
    port: &mut impl Port,
    grid: Grid,
    spreads: &[u8],
    basis: Option<&Basis>,
) -> Result<Basis, CorruptError> {
    let mut contexts = [[Context::EVEN; LADDER]; GRADES];
    let mut fields = Vec::with_capacity(spreads.len());
    let mut variances = Vec::with_capacity(spreads.len());
    for (at, &spread) in spreads.iter().enumerate() {
        let deviation = power(spread.into());
        let known = basis.map(|basis| {
            let quanta = |value: f32| (value * deviation / QUANTUM).round() as i32;
            basis.fields[at].iter().map(|&value| quanta(value).clamp(-MOST, MOST)).collect()
        });
        let numbers = code_field(port, grid, &mut contexts, known)?;
        fields.push(numbers.iter().map(|&number| number as f32 * (QUANTUM / deviation)).collect());
        variances.push(deviation * deviation);
    }
    let fields: Vec<Field> = fields;
    Ok(Basis { fields, variances })
}

fn code_field(
    port: &mut impl Port,
    grid: Grid,
    contexts: &mut [[Context; LADDER]; GRADES],
    known: Option<Vec<i32>>,
) -> Result<Vec<i32>, CorruptError> {
    let mut numbers = known.unwrap_or_else(|| vec![0; grid.numbers()]);
    for part in numbers.chunks_exact_mut(grid.nodes()) {
        for node in 0..part.len() {
            let (column, row) = (node % grid.columns, node / grid.columns);
            let left = if column > 0 { part[node - 1] } else { 0 };
            let above = if row > 0 { part[node - grid.columns] } else { left };
            let left = if column > 0 { left } else { above };
            let corner = if column > 0 && row > 0 { part[node - grid.columns - 1] } else { above };
            // Median edge detector (LOCO-I, Weinberger et al. 2000).
            let expected = (left + above - corner).clamp(left.min(above), left.max(above));
            let spread = (left - corner).abs() + (above - corner).abs();
            let grade = match spread + i32::from(expected != 0) {
                0 => 0,
                1 => 1,
                2..=3 => 2,
                4..=6 => 3,
                7..=12 => 4,
                _ => 5,
            };
            let off = code_number(port, &mut contexts[grade], part[node] - expected)?;
            part[node] = (expected + off).clamp(-MOST, MOST);
        }
    }
    Ok(numbers)
}

fn code_number(
    port: &mut impl Port,
    ladder: &mut [Context; LADDER],
    number: i32,
) -> Result<i32, CorruptError> {
    let mut size = 0;
    while port.adapt(&mut ladder[(size as usize).min(LADDER - 1)], number.abs() > size) {
        size += 1;
        if size > 2 * MOST {
            return Err(CorruptError);
        }
    }
    let negative = size != 0 && port.bits(u32::from(number < 0), 1) == 1;
    Ok(if negative { -size } else { size })
}
