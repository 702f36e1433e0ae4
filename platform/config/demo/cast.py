"""Who and what appears in the demonstration: teams, agents, names, goods and towns."""

import dataclasses
from collections.abc import Mapping
from typing import Final

PASSWORD: Final = "atende-demo"  # noqa: S105 (the well-known password of demonstrations)
OPERATOR: Final = ("operator@atende.example", "Olga Marques")


@dataclasses.dataclass(frozen=True)
class Agent:
    """A member of staff; `mailbox` is the part of the address before the @."""

    mailbox: str
    name: str
    role: str
    teams: tuple[str, ...]
    language: str = "en"


@dataclasses.dataclass(frozen=True)
class Cast:
    """Everything a tenant's scripts are played with."""

    slug: str
    name: str
    teams: Mapping[str, str]
    agents: tuple[Agent, ...]
    goods: Mapping[str, tuple[str, ...]]
    towns: Mapping[str, tuple[str, ...]]
    companies: Mapping[str, tuple[str, ...]]
    tickets: int
    contacts: int
    extra_tags: tuple[str, ...] = ("vip", "follow-up", "phone")


FIRST_NAMES: Final = {
    "en": (
        *(
            "Alice",
            "Amelia",
            "Arthur",
            "Ben",
            "Bridget",
            "Callum",
            "Carla",
            "Chloe",
            "Daniel",
            "Deborah",
            "Edward",
            "Ella",
            "Emily",
            "Ethan",
        ),
        *("Fiona", "Frank", "George", "Grace", "Hannah", "Harvey", "Imogen", "Isaac", "Jack", "Jasmine", "Joel", "Karen", "Keith", "Laura"),
        *("Leon", "Lucy", "Marcus", "Megan", "Nadia", "Nathan", "Oliver", "Owen", "Patrick", "Priya", "Rachel", "Rowan", "Samira", "Simon"),
        *("Sophie", "Tara", "Theo", "Victor", "Wendy", "Yusuf", "Zoe", "Martin"),
    ),
    "pt": (
        *(
            "Adriana",
            "Alexandre",
            "Beatriz",
            "Bruno",
            "Camila",
            "Carlos",
            "Cecília",
            "Davi",
            "Débora",
            "Eduardo",
            "Elisa",
            "Fábio",
            "Fernanda",
        ),
        *(
            "Gabriel",
            "Helena",
            "Heitor",
            "Igor",
            "Isabela",
            "João",
            "Joana",
            "Júlia",
            "Larissa",
            "Leandro",
            "Letícia",
            "Lucas",
            "Luíza",
            "Marcelo",
        ),
        *(
            "Mariana",
            "Mateus",
            "Natália",
            "Otávio",
            "Patrícia",
            "Paulo",
            "Rafael",
            "Renata",
            "Rodrigo",
            "Sílvia",
            "Thiago",
            "Vanessa",
            "Vinícius",
        ),
    ),
}
LAST_NAMES: Final = {
    "en": (
        *(
            "Adams",
            "Bailey",
            "Barnes",
            "Bennett",
            "Brooks",
            "Carter",
            "Chapman",
            "Clarke",
            "Cooper",
            "Dawson",
            "Ellis",
            "Fletcher",
            "Foster",
        ),
        *("Gibson", "Graham", "Hughes", "Iqbal", "Jenkins", "Kaur", "Kowalski", "Lawson", "Mason", "Mbeki", "Mitchell", "Murphy", "Newman"),
        *(
            "O'Brien",
            "Okafor",
            "Palmer",
            "Patel",
            "Reid",
            "Rossi",
            "Schmidt",
            "Sharma",
            "Shaw",
            "Turner",
            "Walsh",
            "Webb",
            "Wright",
            "Young",
        ),
    ),
    "pt": (
        *("Almeida", "Alves", "Andrade", "Araújo", "Barbosa", "Batista", "Borges", "Cardoso", "Carvalho", "Castro", "Correia", "Duarte"),
        *(
            "Farias",
            "Ferreira",
            "Freitas",
            "Gomes",
            "Lopes",
            "Macedo",
            "Martins",
            "Melo",
            "Mendes",
            "Monteiro",
            "Moraes",
            "Moreira",
            "Nogueira",
        ),
        *("Oliveira", "Pereira", "Pinto", "Queiroz", "Ramos", "Ribeiro", "Rocha", "Santana", "Silveira", "Teixeira", "Vieira", "Xavier"),
    ),
}
MAIL_HOSTS: Final = {"en": ("mail.example", "post.example", "inbox.example"), "pt": ("correio.example", "mail.example", "caixa.example")}
WEEKDAYS: Final = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday"),
    "pt": ("segunda-feira", "terça-feira", "quarta-feira", "quinta-feira", "sexta-feira"),
}
MONTHS: Final = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"),
    "pt": ("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"),
}

ACME: Final = Cast(
    slug="acme",
    name="Acme Bikes",
    teams={"workshop": "Workshop", "billing": "Billing", "presale": "Pre-sale"},
    agents=(
        Agent("ada", "Ada Prado", "admin", ("billing", "presale")),
        Agent("ana", "Ana Souza", "agent", ("workshop", "presale")),
        Agent("bea", "Bea Lima", "agent", ("billing",), "pt-br"),
        Agent("caio", "Caio Reis", "agent", ("workshop",), "pt-br"),
        Agent("dora", "Dora Klein", "agent", ("presale", "billing")),
    ),
    goods={
        "bike": ("Canela 3", "Canela 5", "Serra GX", "Serra Trail", "Urbana", "Urbana Step", "Gravel One", "Gravel One Pro", "Pista 72"),
        "ebike": ("Volta E2", "Volta E4", "Urbana E", "Serra E-Trail"),
        "part": ("rear derailleur", "pair of hydraulic brakes", "front light set", "saddle", "rear rack", "dropper post", "wheel set"),
        "part_pt": (
            "câmbio traseiro",
            "par de freios hidráulicos",
            "farol dianteiro",
            "selim",
            "bagageiro",
            "canote retrátil",
            "jogo de rodas",
        ),
        "size": ("S", "M", "L", "XL"),
    },
    towns={
        "en": ("Bristol", "Leeds", "Porto", "Cork", "Utrecht", "York"),
        "pt": ("Canela", "Gramado", "Porto Alegre", "Curitiba", "Lisboa", "Recife"),
    },
    companies={
        "en": ("Northgate Riders", "Harbour & Sons", "Wheelhouse Couriers"),
        "pt": ("Padaria Sol Nascente Ltda.", "Rápido Entregas", "Clube Pedal Livre"),
    },
    tickets=350,
    contacts=190,
)
GLOBEX: Final = Cast(
    slug="globex",
    name="Globex",
    teams={"service": "Service", "orders": "Orders", "sales": "Sales", "accounts": "Accounts"},
    agents=(
        Agent("gil", "Gil Amado", "admin", ("sales", "accounts"), "pt-br"),
        Agent("rui", "Rui Costa", "agent", ("service", "orders")),
        Agent("nina", "Nina Berg", "agent", ("orders", "accounts")),
    ),
    goods={"machine": ("Brisa 40", "Brisa 80", "Crema Duo", "Crema Uno", "Foyer XL")},
    towns={"en": ("Dublin", "Leeds", "Ghent", "Malmö"), "pt": ("Lisboa", "Coimbra", "Campinas", "Florianópolis")},
    companies={
        "en": ("Fenwick Law", "Blue Door Studio", "Larch Insurance", "Tidewater Software", "Museum of Glass"),
        "pt": ("Escritório Lima & Filhos", "Clínica Boa Vista", "Colégio Aurora", "Estúdio Maré"),
    },
    tickets=150,
    contacts=80,
    extra_tags=("contract", "follow-up", "phone"),
)
CASTS: Final = (ACME, GLOBEX)
