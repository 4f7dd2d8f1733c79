//! Which pictures of regions are kept besides the references: states of mouth and eyes that the
//! references do not have, be they as rare as a blink.

use super::{
    gallery::{Gallery, Study},
    references::Motion,
};
use crate::face::{
    crop,
    details::{self, Details, MAX_DETAILS},
    model::FaceModel,
    regions::{Carrier, Ellipse, REGIONS},
};

/// Details of the mouth, and of each eye.
const MOUTHS: usize = 8;
const EYES: usize = 8;

/// Chooses one after the other what makes the regions of all pictures most like one of the sources,
/// those of both eyes together. `model` has landmarks, and no details.
pub(super) fn choose(
    gallery: &Gallery,
    studies: &[Study],
    motion: &[Motion],
    model: &FaceModel,
) -> Details {
    let Some(landmarks) = model.landmarks else { return Details::default() };
    let masks = crop::masks();
    let sources = crop::of_model(model);
    // Of each region, what pictures have there.
    let carriers: Vec<_> = motion
        .iter()
        .map(|motion| Carrier::before(model.grid, &motion.field, model.faces[motion.reference]))
        .collect();
    let places: [Vec<Ellipse>; REGIONS] = std::array::from_fn(|region| {
        let expected = carriers
            .iter()
            .zip(motion)
            .map(|(carrier, motion)| carrier.carry(&model.places[motion.reference][region]));
        aligned(studies, expected.collect())
    });
    let crops = places.each_ref().map(|places| looks(studies, places));
    let mut details = Details::default();
    for (regions, count) in [(0..1, MOUTHS), (1..REGIONS, EYES)] {
        let chosen = greedy(&masks, &crops[regions.clone()], &sources[regions.clone()], count);
        for region in regions {
            let size = details::size(&landmarks.regions()[region]);
            let places = &places[region];
            let pictures =
                chosen.iter().map(|&at| details::of(gallery.picture(at), places[at], size));
            details[region] = pictures.collect();
        }
    }
    details
}

/// What pictures have at places.
fn looks(studies: &[Study], places: &[Ellipse]) -> Vec<Vec<f32>> {
    let pairs = studies.iter().zip(places);
    pairs.map(|(study, place)| crop::of_region(study.pyramid.level(crop::LEVEL), place)).collect()
}

/// Places of a region, moved to where what is around it is most like what it is on the mean: brows
/// and cheeks are the same whether an eye is open or not.
fn aligned(studies: &[Study], mut places: Vec<Ellipse>) -> Vec<Ellipse> {
    const ROUNDS: usize = 2;
    for _ in 0..ROUNDS {
        let crops = looks(studies, &places);
        let mut mean = vec![0.0; crop::SAMPLES];
        for crop in &crops {
            let part = 1.0 / crops.len() as f32;
            mean.iter_mut().zip(crop).for_each(|(mean, sample)| *mean += part * sample);
        }
        for (study, place) in studies.iter().zip(&mut places) {
            *place = place.moved(crop::offset(study.pyramid.level(crop::LEVEL), place, &mean));
        }
    }
    places
}

/// Which pictures help most, one after the other: how much nearer all are to one of the sources.
fn greedy(
    masks: &[f32],
    crops: &[Vec<Vec<f32>>],
    sources: &[Vec<Vec<f32>>],
    count: usize,
) -> Vec<usize> {
    let pictures = crops[0].len();
    // By region and picture, how far the nearest source is.
    let mut left: Vec<Vec<f32>> = crops
        .iter()
        .zip(sources)
        .map(|(crops, sources)| {
            let nearest = |crop: &Vec<f32>| {
                let distances = sources.iter().map(|source| crop::difference(masks, crop, source));
                distances.fold(f32::INFINITY, f32::min)
            };
            crops.iter().map(nearest).collect()
        })
        .collect();
    let distances: Vec<Vec<Vec<f32>>> = crops.iter().map(|crops| all(masks, crops)).collect();
    let mut chosen = Vec::new();
    while chosen.len() < count.min(MAX_DETAILS).min(pictures) {
        let gain = |candidate: usize| -> f32 {
            let of_region = |(region, left): (usize, &Vec<f32>)| -> f32 {
                let gains = left.iter().enumerate();
                let distances = &distances[region][candidate];
                gains.map(|(at, left)| (left - distances[at]).max(0.0)).sum()
            };
            left.iter().enumerate().map(of_region).sum()
        };
        let gains = (0..pictures).map(|candidate| (candidate, gain(candidate)));
        let Some((best, _)) = gains.max_by(|a, b| a.1.total_cmp(&b.1)) else { break };
        for (left, distances) in left.iter_mut().zip(&distances) {
            let pairs = left.iter_mut().zip(&distances[best]);
            pairs.for_each(|(left, distance)| *left = left.min(*distance));
        }
        chosen.push(best);
    }
    chosen
}

/// How far crops are from each other.
fn all(masks: &[f32], crops: &[Vec<f32>]) -> Vec<Vec<f32>> {
    let mut distances = vec![vec![0.0; crops.len()]; crops.len()];
    for a in 0..crops.len() {
        for b in 0..a {
            let distance = crop::difference(masks, &crops[a], &crops[b]);
            distances[a][b] = distance;
            distances[b][a] = distance;
        }
    }
    distances
}
