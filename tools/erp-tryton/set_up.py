"""Sets up the books of one company in a fresh Tryton database: currency, chart, VAT, fiscal years, cost centers.

usage: set_up.py DATABASE_URI CONFIG_FILE BOOKS_JSON

BOOKS_JSON: {"company": {"name", "currency", "timeZone"}, "currencies": [{"code", "rates": [{"date", "rate"}]}],
"accounts": [{"code", "name", "kind"}], "exchange": "...", "costCenters": ["..."], "vatCodes": ["..."], "years": [2019, ...]}. Kinds of accounts: receivable, payable,
revenue, expense, asset, liability. vatCodes become tax codes of these names, so that no mapping is needed; a real chart has tax codes of its VAT
report instead, and our VAT codes have to be mapped to them (PUT /v1/erp-connections/{id}/mapping, vatCodes). Differences of exchange go to the account of the code exchange. A rate is so much of the currency for one of the company's.
"""
import datetime
import json
import sys
from decimal import Decimal

from proteus import Model, Wizard, config

KINDS = {
    'receivable': {'statement': 'balance', 'receivable': True, 'assets': True},
    'payable': {'statement': 'balance', 'payable': True},
    # A line of an invoice may stand on each of these: which side an account is on, the chart says.
    'revenue': {'statement': 'income', 'revenue': True, 'expense': True},
    'expense': {'statement': 'income', 'revenue': True, 'expense': True},
    'asset': {'statement': 'balance', 'assets': True},
    'liability': {'statement': 'balance', 'debt': True},
}


def main(uri, config_file, books_file):
    with open(books_file, encoding='utf-8') as file:
        books = json.load(file)
    session = config.set_trytond(uri, user='admin', config_file=config_file)
    company = make_company(books)
    # What follows belongs to the company.
    User = Model.get('res.user')
    session._context = User.get_preferences(True, {})
    make_currencies(books['currencies'])
    make_accounts(company, books['accounts'])
    set_exchange(books['exchange'])
    make_years(company, books['years'])
    make_cost_centers(company, books['costCenters'])
    make_tax_codes(company, books.get('vatCodes', []))


def make_company(books):
    Currency, Party, Company = map(Model.get, ('currency.currency', 'party.party', 'company.company'))
    code = books['company']['currency']
    currency = Currency(name=code, code=code, symbol=code, rounding=Decimal('0.01'), digits=2)
    currency.rates.new(date=datetime.date(2000, 1, 1), rate=Decimal(1))
    currency.save()
    party = Party(name=books['company']['name'])
    party.addresses[0].street = '-'
    party.save()
    wizard = Wizard('company.company.config')
    wizard.execute('company')
    wizard.form.party = party
    wizard.form.currency = currency
    wizard.form.timezone = books['company'].get('timeZone')
    wizard.execute('add')
    company, = Company.find([])
    return company


def make_currencies(wanted):
    Currency = Model.get('currency.currency')
    for one in wanted:
        currency = Currency(name=one['code'], code=one['code'], symbol=one['code'], rounding=Decimal('0.01'), digits=2)
        for rate in one['rates']:
            currency.rates.new(date=datetime.date.fromisoformat(rate['date']), rate=Decimal(rate['rate']))
        currency.save()


def make_accounts(company, wanted):
    Account, Type = map(Model.get, ('account.account', 'account.account.type'))
    types = {}
    for kind, flags in KINDS.items():
        types[kind] = Type(name=kind, company=company, **flags)
        types[kind].save()
    for one in wanted:
        kind = one['kind']
        account = Account(code=one['code'], name=one['name'], company=company, type=types[kind])
        if kind in {'receivable', 'payable'}:
            account.party_required = True
            account.reconcile = True
        account.save()


def set_exchange(code):
    Account, Journal, Configuration = map(Model.get, ('account.account', 'account.journal', 'account.configuration'))
    account, = Account.find([('code', '=', code)])
    configuration = Configuration(1)
    configuration.currency_exchange_journal, = Journal.find([('code', '=', 'EXC')])
    configuration.currency_exchange_credit_account = account
    configuration.currency_exchange_debit_account = account
    configuration.save()


def make_years(company, years):
    Year, Sequence, SequenceType, Strict = map(Model.get, ('account.fiscalyear', 'ir.sequence', 'ir.sequence.type', 'ir.sequence.strict'))
    move_type, = SequenceType.find([('name', '=', 'Account Move')])
    invoice_type, = SequenceType.find([('name', '=', 'Invoice')])
    for year in years:
        fiscal = Year(name=str(year), company=company, start_date=datetime.date(year, 1, 1), end_date=datetime.date(year, 12, 31))
        move = Strict(name=f'moves {year}', sequence_type=move_type, company=company)
        move.save()
        fiscal.move_sequence = move
        numbers = {}
        for key, prefix in (('out_invoice', 'F'), ('out_credit_note', 'K'), ('in_invoice', 'L'), ('in_credit_note', 'LK')):
            numbers[key] = Strict(name=f'{key} {year}', sequence_type=invoice_type, company=company, prefix=f'{prefix}{year}-')
            numbers[key].save()
        line = fiscal.invoice_sequences[0] if fiscal.invoice_sequences else fiscal.invoice_sequences.new()
        for key, sequence in numbers.items():
            setattr(line, f'{key}_sequence', sequence)
        fiscal.save()
        fiscal.click('create_period')


def make_cost_centers(company, codes):
    Analytic = Model.get('analytic_account.account')
    root = Analytic(name='Cost centers', code='KST', type='root', state='opened', company=company)
    root.save()
    for code in codes:
        Analytic(name=code, code=code, type='normal', state='opened', company=company, root=root, parent=root).save()


def make_tax_codes(company, codes):
    TaxCode = Model.get('account.tax.code')
    for code in codes:
        TaxCode(name=code, code=code, company=company).save()


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
