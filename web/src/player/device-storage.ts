/** Strings kept on this device. Nothing is promised: what is set may be gone at the next visit. */
export interface DeviceStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** The browser's local storage, or memory where that is switched off. */
export function openDeviceStorage(): DeviceStorage {
  try {
    const probe = "shoal.probe";
    window.localStorage.setItem(probe, "");
    window.localStorage.removeItem(probe);
    return forgiving(window.localStorage);
  } catch {
    return memoryStorage();
  }
}

/** Storage in memory, which lasts as long as the page. */
export function memoryStorage(): DeviceStorage {
  const values = new Map<string, string>();
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => void values.set(key, value),
  };
}

/** A full storage must not stop a film. */
function forgiving(storage: Storage): DeviceStorage {
  return {
    getItem: (key) => storage.getItem(key),
    setItem: (key, value) => {
      try {
        storage.setItem(key, value);
      } catch {
        // The quota is used up: the value is not kept.
      }
    },
  };
}
