// What the build makes of a worker or worklet that is imported by address.

declare module "*?worker&inline" {
  const InlineWorker: { new (): Worker };
  export default InlineWorker;
}

declare module "*?worker&url" {
  const url: string;
  export default url;
}
