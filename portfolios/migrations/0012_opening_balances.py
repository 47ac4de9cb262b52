from django.db import migrations

# What was held before there was a ledger is a balance entered, at the opening of its portfolio.
OPENING_BALANCES = """
    INSERT INTO portfolios_transaction
        (portfolio_id, kind, at, received_asset_id, received_quantity)
    SELECT portfolio.id, 'balance', portfolio.created_at, holding.asset_id, holding.quantity
    FROM portfolios_holding AS holding
    JOIN portfolios_portfolio AS portfolio ON portfolio.id = holding.portfolio_id
    WHERE holding.quantity > 0
"""


class Migration(migrations.Migration):

    dependencies = [
        ('portfolios', '0011_ledger'),
    ]

    operations = [
        migrations.RunSQL(OPENING_BALANCES, migrations.RunSQL.noop),
    ]
