// Runs in every page before its own scripts: end-to-end encryption of every byte of every frame,
// as an integrator would write it. `secretTransform(key)` is a `transform` for the client library.
{
  const WORKER = `
    const IV = 12;
    onrtctransform = async ({ transformer }) => {
      const { key: raw, direction } = transformer.options;
      const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
      const seal = async (frame) => {
        const iv = crypto.getRandomValues(new Uint8Array(IV));
        const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, frame.data);
        const out = new Uint8Array(IV + sealed.byteLength);
        out.set(iv);
        out.set(new Uint8Array(sealed), IV);
        frame.data = out.buffer;
      };
      const open = async (frame) => {
        const data = new Uint8Array(frame.data);
        const iv = data.subarray(0, IV);
        frame.data = await crypto.subtle.decrypt({ name: "AES-GCM", iv }, key, data.subarray(IV));
      };
      const change = direction === "send" ? seal : open;
      const counts = { passed: 0, refused: 0 };
      const step = new TransformStream({
        async transform(frame, controller) {
          try {
            await change(frame);
            controller.enqueue(frame);
            counts.passed += 1;
          } catch {
            // Not sealed with our key, or cut short: no decoder sees it.
            counts.refused += 1;
          }
          postMessage(counts);
        },
      });
      transformer.readable.pipeThrough(step).pipeTo(transformer.writable);
    };`;

  /** Frames that passed and were refused, by m-line kind and direction. */
  globalThis.secretCounts = {};

  /** Seals what is sent and opens what is received with `key`, 16 bytes. */
  globalThis.secretTransform = (key) => ({ direction, kind }) => {
    const worker = new Worker(URL.createObjectURL(new Blob([WORKER])));
    const name = `${kind} ${direction}`;
    const lines = (globalThis.secretCounts[name] ??= []);
    const line = lines.push({ passed: 0, refused: 0 }) - 1;
    worker.onmessage = ({ data }) => (lines[line] = data);
    return new RTCRtpScriptTransform(worker, { key: new Uint8Array(key), direction });
  };
}
