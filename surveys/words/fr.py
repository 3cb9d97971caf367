"""French."""

from surveys.words.form import KindWords, Words

SATISFIED = "Quel est votre niveau de satisfaction concernant {subject} ?"
SATISFIED_SUBJECT = "Êtes-vous satisfait de nous ?"
EASY = (
    "Dans quelle mesure êtes-vous d’accord ou non avec l’affirmation suivante : "
    "{company} m’a permis de régler facilement ma demande."
)
EASY_SUBJECT = "Était-ce facile avec {company} ?"

WORDS = Words(
    name="Français",
    direction="ltr",
    kinds={
        "nps": KindWords(
            "Quelle est la probabilité que vous recommandiez {company} à un ami ou à un collègue ?",
            "Une question sur {company}",
            ("Pas du tout probable", "Extrêmement probable"),
            "Quelle est la raison principale de votre note, et que devons-nous améliorer en premier ?",
            "Que faudrait-il changer pour que vous nous donniez 9 ou 10 ?",
            "Qu’appréciez-vous le plus chez {company} ?",
        ),
        "csat5": KindWords(
            SATISFIED,
            SATISFIED_SUBJECT,
            (
                "Très insatisfait",
                "Plutôt insatisfait",
                "Ni satisfait ni insatisfait",
                "Plutôt satisfait",
                "Très satisfait",
            ),
        ),
        "csat7": KindWords(
            SATISFIED,
            SATISFIED_SUBJECT,
            (
                "Extrêmement insatisfait",
                "Assez insatisfait",
                "Légèrement insatisfait",
                "Ni satisfait ni insatisfait",
                "Légèrement satisfait",
                "Assez satisfait",
                "Extrêmement satisfait",
            ),
        ),
        "ces7": KindWords(
            EASY,
            EASY_SUBJECT,
            (
                "Pas du tout d’accord",
                "Pas d’accord",
                "Plutôt pas d’accord",
                "Ni d’accord ni pas d’accord",
                "Plutôt d’accord",
                "D’accord",
                "Tout à fait d’accord",
            ),
        ),
        "ces5": KindWords(
            EASY,
            EASY_SUBJECT,
            (
                "Pas du tout d’accord",
                "Pas d’accord",
                "Ni d’accord ni pas d’accord",
                "D’accord",
                "Tout à fait d’accord",
            ),
        ),
    },
    intro="vous travaillez avec {company}. Nous aimerions savoir ce que vous pensez de notre travail.",
    preheader="Un clic suffit, et une phrase si vous voulez. Une personne lit chaque réponse.",
    prompt="Quelle est la raison principale de votre note ?",
    thank_you="Merci. Votre réponse est arrivée chez les personnes qui vous accompagnent.",
    hello="Bonjour {name},",
    hello_nobody="Bonjour,",
    reminder_intro="un petit rappel : nous vous avons posé une question il y a quelques jours.",
    scale_ends="De {low} à {high}.",
    point_of="{point} sur {top}",
    click="Un clic ouvre une page où vous pouvez ajouter une phrase et envoyer.",
    on_a_page="Ou répondre sur une page web",
    answer_here="Répondez ici, cela prend une minute :",
    anonymous_mail="Votre réponse est anonyme : elle est conservée sans votre nom, "
    "et les résultats ne sont montrés que par groupes.",
    sign_off="Merci,",
    via_company="{name} via {company}",
    why_you="Vous recevez ce message parce que vous travaillez avec {company}.",
    why_you_at="Vous recevez ce message parce que vous travaillez avec {company} chez {customer}.",
    unsubscribe="Plus d’enquêtes (se désabonner)",
    privacy="Confidentialité",
    language="Langue",
    answer_title="Votre réponse à {company}, une question",
    error_title="Erreur : {title}",
    chosen="Vous avez choisi {score} dans le message. Vous pouvez encore changer ; "
    "rien n’est enregistré avant l’envoi.",
    answered_before="Vous avez déjà répondu. Un nouvel envoi remplace cette réponse.",
    anonymous_page="Cette enquête est anonyme. Votre réponse est conservée sans votre nom "
    "et ne peut plus être modifiée ensuite.",
    not_sent="Votre réponse n’est pas encore envoyée.",
    once_more="Veuillez appuyer encore une fois sur Envoyer. Rien n’est encore enregistré, votre texte est toujours là.",
    choose_score="Choisissez une note de {low} à {high}.",
    shorten="Raccourcissez votre texte : {count} caractères, c’est plus que {limit}.",
    choose_option="Choisissez une des réponses.",
    shorten_field="Raccourcissez cette réponse à {limit} caractères.",
    comment_hint="Aussi long ou court que vous voulez, jusqu’à {limit} caractères. Facultatif.",
    optional="Facultatif.",
    scale5_low="1 – pas du tout",
    scale5_high="5 – tout à fait",
    remove_comment="Supprimer mon commentaire précédent",
    contact_me="Contactez-moi à ce sujet",
    send="Envoyer ma réponse",
    asked_of="Question posée à {name} par {company}.",
    asked_of_at="Question posée à {name}, {customer}, par {company}.",
    edit_days="Jours pendant lesquels vous pouvez modifier votre réponse : {days}.",
    stop_hint="Pour ne plus recevoir d’enquêtes, utilisez le lien à la fin du message.",
    help="Aide",
    answered_title="Réponse reçue, merci – {company}",
    answered_head="Votre réponse est là",
    answered_score="Vous avez donné {score}.",
    answered_other="Cette question a déjà reçu une réponse.",
    change="Modifier ma réponse",
    thanks_title="Merci – {company}",
    thanks_head="Merci",
    review="Donner un avis public sur {company}",
    closed_head="Cette enquête est close",
    closed_text="Elle n’accepte plus de réponses. Répondez au message si vous souhaitez nous dire quelque chose.",
    link_head="Une question de {company}",
    link_text="Choisissez un chiffre dans le message que vous avez reçu pour y répondre.",
    not_found_head="Ce lien ne fonctionne pas",
    not_found_text="Ouvrez de nouveau notre dernier message et utilisez son lien, entier et inchangé, "
    "ou répondez à ce message.",
    wait_head="Patientez un peu",
    wait_text="Il y a eu beaucoup d’essais en peu de temps. Réessayez dans dix minutes, ou répondez au message.",
    long_head="C’est trop long",
    long_text="Revenez en arrière et raccourcissez votre texte à {limit} caractères.",
    survey="Enquête",
    stop_head="Plus d’enquêtes de {company} ?",
    stop_all="Plus aucune enquête",
    stop_kind="Seulement plus d’enquêtes {kind}",
    stop_note="Les messages sur votre contrat et vos demandes vous parviennent toujours.",
    stop_button="Arrêter ces messages",
    stopped_head="Vous ne recevrez plus ces enquêtes",
    stopped_text="C’est valable dès maintenant.",
    privacy_head="Ce que nous conservons de votre réponse",
    privacy_what="Votre note, votre commentaire, le jour, et le fait que la réponse vient de vous dans votre entreprise. "
    "Les personnes qui accompagnent votre entreprise la lisent.",
    privacy_anonymous="Si l’enquête se dit anonyme, nous conservons la note, le commentaire et le jour sans votre nom, "
    "mêlés à d’autres réponses, et ne montrons les résultats que par groupes.",
    privacy_visits="Nous conservons pendant {days} jours quels liens envoyés ont été ouverts, sans votre adresse. "
    "Aucune image dans nos messages ne nous dit si vous les avez lus.",
    privacy_ask="Pour la voir, la corriger ou l’effacer, écrivez à {legal_name} :",
    privacy_more="En savoir plus :",
)
