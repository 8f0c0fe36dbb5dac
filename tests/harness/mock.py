"""Made-up runs that behave like real ones on the wire: eight Gaussians found by a generator, at a steady pace."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import numpy as np
from starlette.websockets import WebSocket, WebSocketDisconnect

from state.frames import encode, quantise

EXTENT = (-2.0, 2.0, -2.0, 2.0)
SURFACE = 64
POINTS = 600
ANGLES = np.arange(8) * np.pi / 4
CENTRES = 1.4 * np.stack((np.cos(ANGLES), np.sin(ANGLES)), 1)
TICK_S = 0.1
ENDED = ("finished", "stopped", "failed")


def real(count: int = 900) -> np.ndarray:
    """Points of the data: eight Gaussians on a ring."""
    random = np.random.default_rng(5)
    return np.asarray(CENTRES[random.integers(8, size=count)] + 0.06 * random.normal(size=(count, 2)))


def moments(steps: int) -> list[int]:
    """Every step to 50, then each 3 % later."""
    found = list(range(min(50, steps) + 1))
    while found[-1] < steps:
        found.append(min(steps, max(found[-1] + 1, round(found[-1] * 1.03))))
    return found


class MockRun:
    """A run that needs no training: pictures and numbers are functions of the step."""

    def __init__(self, key: str, steps: int = 2000, rate: float = 150.0, fate: str = "finished") -> None:
        self.key, self.steps, self.rate, self.fate = key, steps, rate, fate
        self.seed = sum(key.encode())
        self.begun = time.monotonic()
        self.done = 0.0
        self.state = "queued" if fate == "queued" else "training"
        self.moments = moments(steps)
        random = np.random.default_rng(self.seed)
        self.home = random.integers(8, size=POINTS)
        self.noise = random.normal(size=(POINTS, 2))
        self.jitter = random.normal(size=(3, steps + 1)).cumsum(1) * 0.004 + random.normal(size=(3, steps + 1)) * 0.03
        self.last = steps if fate != "diverged" else int(steps * 0.6)

    def tick(self, seconds: float) -> None:
        if self.state == "queued" and self.fate == "queued":
            return
        if self.state == "training":
            self.done = min(self.last, self.done + self.rate * seconds)
            if self.done >= self.last:
                self.state = "failed" if self.fate == "diverged" else "finished"

    @property
    def step(self) -> int:
        return int(self.done)

    def picture(self, step: int, **header: Any) -> bytes:
        share = 1 - np.exp(-3.0 * step / 2000)
        spread = 0.5 * (1 - share) + 0.05
        sway = 0.2 * np.array([np.cos(step / 90), np.sin(step / 70)]) * (1 - share)
        samples = share * CENTRES[self.home] + spread * self.noise + sway
        x = np.linspace(-2, 2, SURFACE)
        grid = np.stack(np.meshgrid(x, x), -1)[:, :, None]
        near = np.exp(-((grid - CENTRES) ** 2).sum(-1) / 0.12).sum(-1)
        fake = np.exp(-((grid - samples[::20]) ** 2).sum(-1) / (0.1 + spread)).mean(-1) * 4
        believed = 1 / (1 + np.exp(-(2.2 * near - 2.0 * fake) * (1 - 0.75 * share) * min(1, 0.1 + step / 60)))
        arrays = {
            "samples": samples,
            "samples_ema": share * CENTRES[self.home] + 0.7 * spread * self.noise,
            "surface": quantise(believed),
            "images": self.images(step),
        }
        return encode({"kind": "snapshot", "step": step, "key": self.key, "sent": time.time(), **header}, arrays)

    def images(self, step: int) -> np.ndarray:
        """64 blobs of 14×14 pixels that grow sharper."""
        x = np.arange(14)
        centre = 6.5 + 2.5 * self.noise[:64, None, None, :]
        distance = np.hypot(x[None, :, None] - centre[..., 0], x[None, None, :] - centre[..., 1])
        ring = np.exp(-((distance - 4) ** 2) / (0.6 + 20 * np.exp(-step / 300)))
        return np.asarray(ring.reshape(64, -1))

    def scalars(self, first: int, last: int, reset: bool = False) -> list[bytes]:
        steps = np.arange(first, last + 1)
        decay = np.exp(-steps / 500)
        noise = self.jitter[:, first : last + 1]
        columns = {
            "loss_d": 1.38 - 0.9 * np.exp(-steps / 300) + noise[0],
            "loss_g": 0.7 + 1.6 * decay + noise[1] * 3,
            "d_real": 0.5 + 0.4 * decay + noise[0] / 4,
            "d_fake": 0.5 - 0.35 * decay - noise[1] / 4,
            "gradient": np.exp(-steps / 400 + 10 * noise[2]) + (steps % 401 == 400) * 400.0,
        }
        if self.fate == "diverged":
            columns["loss_d"] = np.where(steps >= self.last, np.inf, columns["loss_d"] * np.exp(steps / self.last * 3))
            columns["loss_g"] = np.where(steps >= self.last - 20, np.nan, columns["loss_g"])
        frames = [encode({"kind": "scalars", "reset": reset}, {"steps": steps, **columns})]
        measured = steps[steps % 25 == 0]
        if len(measured):
            distance = 0.05 + 1.5 * np.exp(-measured / 400) + np.abs(self.jitter[2, measured])
            modes = np.minimum(8, 1 + measured // 120)
            frames.append(encode({"kind": "scalars"}, {"steps": measured, "distance": distance, "modes": modes * 1.0}))
        return frames

    def status(self) -> bytes:
        said = {"step": self.step, "steps": self.steps, "rate": self.rate, "device": "CPU", "reason": None}
        if self.state == "training":
            said["eta_s"] = (self.steps - self.done) / self.rate
        if self.state == "queued":
            said.update(place=3, wait_s=42.0)
        if self.state == "failed":
            said["reason"] = "the loss left the finite numbers"
        return encode({"kind": "status", "key": self.key, "sent": time.time(), "status": self.state, **said})

    def reached(self, after: int = -1) -> np.ndarray:
        if self.state == "queued":
            return np.zeros(0, np.int64)
        return np.array([moment for moment in self.moments if after < moment <= self.step], np.int64)

    def notes(self) -> list[bytes]:
        if self.state != "failed":
            return []
        text = f"Diverged at step {self.last}: the discriminator's loss is infinite."
        return [encode({"kind": "note", "step": self.last, "note": "diverged", "text": text})]

    def history(self, step: int | None = None) -> list[bytes]:
        """All that a newcomer gets."""
        frames = [self.status()]
        known = self.reached()
        if not len(known):
            return frames
        frames += self.scalars(0, self.step, reset=True)
        frames += [encode({"kind": "moments"}, {"steps": known}), *self.notes()]
        at = known[-1] if step is None else known[known <= step][-1]
        return [*frames, self.picture(int(at), live=step is None, asked=step)]


class MockHub:
    """Runs by key, made on first sight: the key's first letters say its fate (queued…, diverged…, done…)."""

    def __init__(self) -> None:
        self.runs: dict[str, MockRun] = {}
        self.heard: list[dict[str, Any]] = []

    def run(self, key: str) -> MockRun:
        if key not in self.runs:
            from tests.harness.attention import AttentionRun, shape_of

            shape = shape_of(key)
            fate = next((fate for fate in ("queued", "diverged") if key.startswith(fate)), "finished")
            run = self.runs[key] = MockRun(key, fate=fate, rate=400.0 if fate == "diverged" else 150.0)
            if shape is not None:
                run = self.runs[key] = AttentionRun(key, shape)
            if "freeze" in key:
                from tests.harness.freeze import FreezeRun

                run = self.runs[key] = FreezeRun(key)
            if key.startswith("long"):
                run.__init__(key, steps=1_000_000, rate=20_000.0)  # type: ignore[misc]
            if key.startswith("done"):
                run.done, run.state = float(run.steps), "finished"
        return self.runs[key]

    async def tick(self) -> None:
        while True:
            for run in list(self.runs.values()):
                run.tick(TICK_S)
            await asyncio.sleep(TICK_S)

    async def watch(self, socket: WebSocket) -> None:
        await socket.accept()
        run = self.run(socket.path_params["key"])
        wants = {"live": True}
        asks = asyncio.create_task(self.answer(socket, run, wants))
        try:
            for frame in run.history():
                await socket.send_bytes(frame)
            seen, state, noted = run.step, run.state, bool(run.notes())
            while True:
                await asyncio.sleep(TICK_S)
                await socket.send_bytes(run.status())
                if run.step > seen:
                    for frame in run.scalars(seen + 1, run.step):
                        await socket.send_bytes(frame)
                    await socket.send_bytes(encode({"kind": "moments"}, {"steps": run.reached(seen)}))
                    seen = run.step
                    if wants["live"]:
                        await socket.send_bytes(run.picture(run.step, live=True))
                if run.state != state and not noted:
                    state, noted = run.state, True
                    for frame in run.notes():
                        await socket.send_bytes(frame)
        except (WebSocketDisconnect, RuntimeError):
            asks.cancel()

    async def answer(self, socket: WebSocket, run: MockRun, wants: dict[str, bool]) -> None:
        try:
            while True:
                message = json.loads(await socket.receive_text())
                self.heard.append(message)
                if "live" in message:
                    wants["live"] = message["live"]
                    if message["live"] and len(run.reached()):
                        await socket.send_bytes(run.picture(run.step, live=True))
                if "at" in message:
                    known = run.reached()
                    await socket.send_bytes(run.picture(int(known[known <= message["at"]][-1]), asked=message["at"]))
        except (WebSocketDisconnect, RuntimeError):
            pass

    def command(self, key: str, verb: str) -> None:
        """What the buttons do."""
        run = self.run(key)
        match verb:
            case "pause":
                run.state = "paused"
            case "resume":
                run.state = "training"
            case "step":
                run.done = min(run.last, run.done + 1)
            case "stop":
                run.state = "stopped"


HUB = MockHub()
