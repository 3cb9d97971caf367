"""German."""

from surveys.words.form import KindWords, Words

SATISFIED = "Wie zufrieden sind Sie mit {subject}?"
SATISFIED_SUBJECT = "Wie zufrieden sind Sie?"
EASY = (
    "Inwieweit stimmen Sie der folgenden Aussage zu oder nicht zu: "
    "{company} hat es mir leicht gemacht, mein Anliegen zu erledigen."
)
EASY_SUBJECT = "Wie leicht war es mit {company}?"

WORDS = Words(
    name="Deutsch",
    direction="ltr",
    kinds={
        "nps": KindWords(
            "Wie wahrscheinlich ist es, dass Sie {company} im Freundes- oder Kollegenkreis weiterempfehlen?",
            "Eine Frage zu {company}",
            ("Überhaupt nicht wahrscheinlich", "Äußerst wahrscheinlich"),
            "Was ist der Hauptgrund für Ihre Bewertung, und was sollen wir zuerst verbessern?",
            "Was müsste sich ändern, damit Sie uns eine 9 oder 10 geben?",
            "Was schätzen Sie an {company} am meisten?",
        ),
        "csat5": KindWords(
            SATISFIED,
            SATISFIED_SUBJECT,
            (
                "Sehr unzufrieden",
                "Eher unzufrieden",
                "Weder zufrieden noch unzufrieden",
                "Eher zufrieden",
                "Sehr zufrieden",
            ),
        ),
        "csat7": KindWords(
            SATISFIED,
            SATISFIED_SUBJECT,
            (
                "Äußerst unzufrieden",
                "Ziemlich unzufrieden",
                "Etwas unzufrieden",
                "Weder zufrieden noch unzufrieden",
                "Etwas zufrieden",
                "Ziemlich zufrieden",
                "Äußerst zufrieden",
            ),
        ),
        "ces7": KindWords(
            EASY,
            EASY_SUBJECT,
            (
                "Stimme überhaupt nicht zu",
                "Stimme nicht zu",
                "Stimme eher nicht zu",
                "Weder noch",
                "Stimme eher zu",
                "Stimme zu",
                "Stimme voll und ganz zu",
            ),
        ),
        "ces5": KindWords(
            EASY,
            EASY_SUBJECT,
            (
                "Stimme überhaupt nicht zu",
                "Stimme nicht zu",
                "Weder noch",
                "Stimme zu",
                "Stimme voll und ganz zu",
            ),
        ),
    },
    intro="Sie arbeiten mit {company}. Wir möchten wissen, wie wir uns aus Ihrer Sicht schlagen.",
    preheader="Ein Klick und, wenn Sie mögen, ein Satz. Jede Antwort liest ein Mensch.",
    prompt="Was ist der Hauptgrund für Ihre Bewertung?",
    thank_you="Vielen Dank. Ihre Antwort ist bei den Menschen angekommen, die Sie betreuen.",
    hello="Guten Tag {name},",
    hello_nobody="Guten Tag,",
    reminder_intro="eine kurze Erinnerung: Vor einigen Tagen haben wir Ihnen eine Frage gestellt.",
    scale_ends="Von {low} bis {high}.",
    point_of="{point} von {top}",
    click="Ein Klick öffnet eine Seite, auf der Sie einen Satz ergänzen und absenden können.",
    on_a_page="Oder auf einer Webseite antworten",
    answer_here="Hier antworten, es dauert eine Minute:",
    anonymous_mail="Ihre Antwort ist anonym: Sie wird ohne Ihren Namen gespeichert, Ergebnisse zeigen wir nur für Gruppen.",
    sign_off="Vielen Dank",
    via_company="{name} über {company}",
    why_you="Sie erhalten diese Mail, weil Sie mit {company} arbeiten.",
    why_you_at="Sie erhalten diese Mail, weil Sie bei {customer} mit {company} arbeiten.",
    unsubscribe="Keine Umfragen mehr (abmelden)",
    privacy="Datenschutz",
    language="Sprache",
    answer_title="Ihre Antwort an {company}, eine Frage",
    error_title="Fehler: {title}",
    chosen="Sie haben in der Mail {score} gewählt. Sie können das noch ändern; "
    "gespeichert wird erst, wenn Sie absenden.",
    answered_before="Sie haben schon geantwortet. Wenn Sie erneut senden, ersetzt das die frühere Antwort.",
    anonymous_page="Diese Umfrage ist anonym. Ihre Antwort wird ohne Ihren Namen gespeichert "
    "und lässt sich später nicht ändern.",
    not_sent="Ihre Antwort ist noch nicht gesendet.",
    once_more="Bitte senden Sie noch einmal. Es ist noch nichts gespeichert, Ihr Text ist noch da.",
    choose_score="Wählen Sie eine Zahl von {low} bis {high}.",
    shorten="Kürzen Sie Ihren Text: {count} Zeichen sind mehr als {limit}.",
    choose_option="Wählen Sie eine der Möglichkeiten.",
    shorten_field="Kürzen Sie diese Antwort auf {limit} Zeichen.",
    comment_hint="So lang oder kurz Sie mögen, bis zu {limit} Zeichen. Freiwillig.",
    optional="Freiwillig.",
    scale5_low="1 – gar nicht",
    scale5_high="5 – sehr",
    remove_comment="Meinen früheren Kommentar entfernen",
    contact_me="Bitte melden Sie sich dazu bei mir",
    send="Antwort senden",
    asked_of="Gefragt wurde {name} von {company}.",
    asked_of_at="Gefragt wurde {name} bei {customer} von {company}.",
    edit_days="Tage, an denen Sie Ihre Antwort ändern können: {days}.",
    stop_hint="Für keine weiteren Umfragen nutzen Sie den Link am Ende der Mail.",
    help="Hilfe",
    answered_title="Beantwortet, vielen Dank – {company}",
    answered_head="Ihre Antwort ist da",
    answered_score="Sie haben {score} gegeben.",
    answered_other="Diese Frage wurde schon beantwortet.",
    change="Meine Antwort ändern",
    thanks_title="Vielen Dank – {company}",
    thanks_head="Vielen Dank",
    review="{company} öffentlich bewerten",
    closed_head="Diese Umfrage ist beendet",
    closed_text="Sie nimmt keine Antworten mehr an. Antworten Sie auf die Mail, wenn Sie uns etwas sagen möchten.",
    link_head="Eine Frage von {company}",
    link_text="Wählen Sie in der Mail, die Sie erhalten haben, eine Zahl, um zu antworten.",
    not_found_head="Dieser Link funktioniert nicht",
    not_found_text="Öffnen Sie unsere neueste Mail noch einmal und nutzen Sie den Link darin, vollständig und "
    "unverändert, oder antworten Sie auf diese Mail.",
    wait_head="Bitte warten Sie etwas",
    wait_text="Es gab viele Versuche in kurzer Zeit. Versuchen Sie es in zehn Minuten wieder, "
    "oder antworten Sie auf die Mail.",
    long_head="Das ist zu lang",
    long_text="Gehen Sie zurück und kürzen Sie Ihren Text auf {limit} Zeichen.",
    survey="Umfrage",
    stop_head="Keine Umfragen mehr von {company}?",
    stop_all="Gar keine Umfragen",
    stop_kind="Nur keine {kind}-Umfragen",
    stop_note="Mails zu Ihrem Vertrag und Ihren Anfragen erreichen Sie weiterhin.",
    stop_button="Diese Mails beenden",
    stopped_head="Sie erhalten diese Umfragen nicht mehr",
    stopped_text="Das gilt ab sofort.",
    privacy_head="Was wir von Ihrer Antwort aufbewahren",
    privacy_what="Ihre Bewertung, Ihren Kommentar, den Tag, und dass die Antwort von Ihnen in Ihrem Unternehmen kam. "
    "Es lesen sie die Menschen, die Ihr Unternehmen betreuen.",
    privacy_anonymous="Sagt die Umfrage, dass sie anonym ist, bewahren wir Bewertung, Kommentar und Tag ohne Ihren "
    "Namen auf, gemischt mit anderen Antworten, und zeigen Ergebnisse nur für Gruppen.",
    privacy_visits="Welche Links aus Mails geöffnet wurden, bewahren wir {days} Tage auf, ohne Ihre Adresse. "
    "In unseren Mails ist kein Bild, das uns sagt, ob Sie sie gelesen haben.",
    privacy_ask="Fragen Sie {legal_name}, um es zu sehen, zu berichtigen oder zu löschen:",
    privacy_more="Mehr:",
)
