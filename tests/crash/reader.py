"""Reads every balance while the load is on, as a bank's auditor would: at each moment all of them must add up."""

import http.client
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from gateway import Control, ControlError  # noqa: E402

PAUSE_S = 0.02


class Reader:
    """Has the gateway derive all its numbers again from the records, over and over, until told to stop. What does not
    answer, because it was killed, stopped or is without its store, says nothing."""

    def __init__(self, control: Control):
        self.control = control
        self.reads, self.wrong = 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self._stop.set()
        self._thread.join(120)
        if self._thread.is_alive():
            raise RuntimeError("a reading of the books does not end")
        return self

    def _run(self):
        while not self._stop.is_set():
            try:
                found = self.control.ask("GET", "/api/v1/doctor")
            except (OSError, http.client.HTTPException, ControlError):
                time.sleep(PAUSE_S)
                continue
            self.reads += 1
            if found["verdict"] != "ok":
                self.wrong.append(f"read under load: {found['verdict']}: {found['wrong']} {found['unreadable']}")
            time.sleep(PAUSE_S)
