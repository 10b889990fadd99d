"""Cut over from an ORM: orders are read with SQLAlchemy, and are to be read with plain SQL. Both block, in threads."""

import contextlib
import sqlite3
import tempfile
from datetime import date

import trio
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Mapped, Session, declarative_base, mapped_column

from trioshadow import ShadowConfig, Shadower
from trioshadow.evidence import Objective
from trioshadow.isolation import SyncBackend

#: In earnest: max_rate=0.001, and no fast_enough. A script takes no minutes: fifty calls in order are one event.
OBJECTIVE = Objective(max_rate=0.01, fast_enough=0.5, block_seconds=None, block_calls=50)


class Order(declarative_base()):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[int] = mapped_column(index=True)
    cents: Mapped[int]
    day: Mapped[date]


def fee(cents: int) -> int:
    return round(cents * 0.15)


async def main(path: str) -> None:
    engine = create_engine(f"sqlite:///{path}")
    Order.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add_all(Order(customer=n // 2, cents=7 * n, day=date.fromordinal(739_000 + n)) for n in range(3_000))

    def old(customer: int) -> list[Order]:
        with Session(engine) as session:
            return list(session.scalars(select(Order).filter_by(customer=customer).order_by(Order.id)))

    def new(customer: int) -> list[tuple[int, str]]:  # by a connection of its own, which can't write
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
            db.create_function("fee", 1, fee)
            return db.execute(f"SELECT {sql}, day FROM orders WHERE customer = ? ORDER BY id", [customer]).fetchall()

    views = (
        lambda orders: [{"fee": fee(order.cents), "day": order.day} for order in orders],  # only what is loaded
        lambda rows: [{"fee": fee, "day": date.fromisoformat(day)} for fee, day in rows],  # SQLite has no dates
    )
    for sql in ["ROUND(cents * 0.15)", "fee(cents)"]:
        config = ShadowConfig(view=views, candidate=sql)
        async with Shadower(SyncBackend(old), SyncBackend(new, max_workers=2), config, objective=OBJECTIVE) as shadower:
            for customer in range(1_500):
                await shadower.call(customer, operation="orders of a customer")
                await shadower.wait_idle()
            print(shadower.scorecard().explain())
    engine.dispose()


with tempfile.TemporaryDirectory() as directory:
    trio.run(main, f"{directory}/shop.db")
