export function signalTypes(): Promise<string>;
