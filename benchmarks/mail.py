"""Whether N due messages drain at the configured rate, and memory stays flat: `make bench-mail`.

In a database of its own, over SMTP to a sink on loopback, by the sender that workers run. It stops
after SECONDS, having sent RATE · SECONDS of the N messages that are due all the time; SECONDS=0
goes on until none is. The last line is JSON; `rss_mib` is the sender's memory after each tenth.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
from time import monotonic, process_time

import psutil
import psycopg

from benchmarks import night
from portfolio_site import embedded

SECONDS, PARTS = float(os.environ.get("SECONDS", "60")), 10
RATE = float(os.environ.get("MAILS_PER_SECOND", "50"))
QUEUE = """
    INSERT INTO accounts_outgoingemail
        (dedupe_key, recipient, kind, message_id, subject, text, html, headers, state, attempt,
         last_error)
    SELECT 'bench:' || n, 'bench' || n || '@example.org', 'bench', '', 'Message ' || n,
           repeat('All is well. ', 200), '', '{}', 'pending', 0, ''
    FROM generate_series(1, %(n)s) n
"""


def main(messages: int) -> None:
    with embedded.servers():
        os.environ["DATABASE_URL"] = night.create_database(os.environ["DATABASE_URL"])
        os.environ |= {"EMAIL_URL": f"smtp://127.0.0.1:{open_sink()}"}
        os.environ |= {"MAILS_PER_SECOND": str(RATE)}
        night.manage("migrate", "-v0")
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            psycopg.ClientCursor(connection).execute(QUEUE, {"n": messages})
            connection.execute("VACUUM ANALYZE accounts_outgoingemail")
        sender = [sys.executable, "-m", "benchmarks.mail", "send", str(messages)]
        subprocess.run(sender, cwd=night.REPOSITORY, check=True)


def send(messages: int) -> None:
    """What a worker does, turn after turn."""
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portfolio_site.settings")
    django.setup()
    from accounts.models import OutgoingEmail
    from accounts.services import outbox

    sent, memory, process = 0, [], psutil.Process()
    seconds, limit = (SECONDS / PARTS, messages) if SECONDS else (1e9, -(-messages // PARTS))
    started, used = monotonic(), process_time()
    for _ in range(PARTS):
        sent += outbox.send_due(seconds=seconds, limit=limit).sent
        memory.append(round(process.memory_info().rss / 2**20, 1))
    per_second = sent / (monotonic() - started)
    cpu = (process_time() - used) / max(sent, 1) * 1e3
    figures = {"sent": sent, "rate": RATE, "per_second": round(per_second, 1), "rss_mib": memory}
    figures |= {"cpu_ms_per_message": round(cpu, 2)}
    figures |= {"left": OutgoingEmail.objects.exclude(state="sent").count()}
    print(json.dumps(figures))


def open_sink() -> int:
    """The port of a mail server that takes everything and keeps nothing."""
    ready, found = threading.Event(), []

    async def serve() -> None:
        server = await asyncio.start_server(take, "127.0.0.1", 0)
        found.append(server.sockets[0].getsockname()[1])
        ready.set()
        await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    ready.wait()
    return int(found[0])


async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 sink\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"DATA":
            writer.write(b"354 go on\r\n")
            await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"221 bye\r\n" if verb == b"QUIT" else b"250 OK\r\n")
        await writer.drain()
        if verb == b"QUIT":
            break
    writer.close()


if __name__ == "__main__":
    send(int(sys.argv[2])) if sys.argv[1] == "send" else main(int(sys.argv[1]))
