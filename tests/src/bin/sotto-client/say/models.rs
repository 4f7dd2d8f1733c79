//! What is seen of models.

use serde_json::{Value, json};
use sotto_tests::client::Report;

use super::{millis, name_of};

/// Everything about models, as JSON.
pub(super) fn of(report: &Report) -> Value {
    let models = &report.models;
    let total = models.total();
    json!({
        "uploads": models.uploads.iter().map(|upload| json!({
            "source": upload.source,
            "epoch": upload.epoch,
            "bytes": upload.bytes,
            "status": upload.status,
        })).collect::<Vec<_>>(),
        "accepted": models.accepted,
        "sent": models.sent,
        "packets": models.packets,
        "packetsRepeated": models.repeated,
        "demand": models.demand,
        "forms": models.forms.values().map(|form| json!({
            "name": name_of(report, form.short_id.0),
            "source": form.source,
            "form": form.form,
            "reason": form.reason,
            "overlap": form.overlap,
            "epoch": form.epoch,
        })).collect::<Vec<_>>(),
        "fetched": models.fetched.iter().map(|fetched| json!({
            "source": fetched.source,
            "epoch": fetched.epoch,
            "bytes": fetched.bytes,
            "delta": fetched.delta,
            "ms": millis(fetched.at),
        })).collect::<Vec<_>>(),
        "forgotten": models.forgotten.len(),
        "failures": models.failures,
        "bundles": {
            "packets": models.bundles.packets,
            "wireBytes": models.bundles.wire_bytes,
            "payloadBytes": models.bundles.payload_bytes,
            "repeatedBytes": models.bundles.repeated_bytes,
            "malformed": models.bundles.malformed,
            "asked": models.bundles.asked,
            "repaired": models.bundles.repaired,
        },
        "entries": {
            "received": total.received,
            "repeats": total.repeats,
            "overtaken": total.overtaken,
            "lost": total.lost,
            "waiting": total.waiting,
            "paused": total.paused,
            "misattributed": total.misattributed,
            "nameless": total.nameless,
            "unheld": total.unheld,
        },
        "people": models.entries.iter().map(|((id, plugin), entries)| json!({
            "name": name_of(report, *id),
            "plugin": plugin,
            "received": entries.received,
            "lost": entries.lost,
            "misattributed": entries.misattributed,
        })).collect::<Vec<_>>(),
        "lateMs": {
            "p50": models.lateness.percentile(0.5),
            "p99": models.lateness.percentile(0.99),
            "largest": models.lateness.percentile(1.0),
        },
    })
}
