"""What locust does: twenty people who each open their overview once a second (benchmarks.load)."""

import json
import os
from itertools import cycle

from locust import FastHttpUser, constant_throughput, task

people = cycle(json.loads(os.environ["PEOPLE"]))


class Visitor(FastHttpUser):
    wait_time = constant_throughput(1)

    def on_start(self) -> None:
        self.portfolio, self.cookie = next(people)

    @task
    def overview(self) -> None:
        headers = {"Cookie": self.cookie, "Host": "localhost"}
        self.client.get(f"/portfolios/{self.portfolio}/", headers=headers, name="overview")
