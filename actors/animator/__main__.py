from actors.actor import arguments, run
from actors.animator.actor import Animator
from actors.animator.rules import Rules

args = arguments("animator", "Phones and the conversation's state to the face's motion.").parse_args()
run("animator", args, [Rules()], Animator.HEARS, Animator, remembers=Animator.REMEMBERS)
